package kube

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// newInformer makes the informer of a kind of workload. client-go's own come with
// the clients of all API groups.
func newInformer(c Interface, kind, namespace string) (cache.SharedIndexInformer, error) {
	switch kind {
	case "Deployment":
		return informerOf(&appsv1.Deployment{}, c.AppsV1().Deployments(namespace)), nil
	case "StatefulSet":
		return informerOf(&appsv1.StatefulSet{}, c.AppsV1().StatefulSets(namespace)), nil
	case "DaemonSet":
		return informerOf(&appsv1.DaemonSet{}, c.AppsV1().DaemonSets(namespace)), nil
	}
	return nil, fmt.Errorf("watch rollouts: a %s has none", kind)
}

// listWatcher is what typed clients have in common.
type listWatcher[L runtime.Object] interface {
	List(ctx context.Context, options metav1.ListOptions) (L, error)
	Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error)
}

func informerOf[L runtime.Object](object runtime.Object, client listWatcher[L]) cache.SharedIndexInformer {
	return cache.NewSharedIndexInformer(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			return client.List(ctx, options)
		},
		WatchFuncWithContext: client.Watch,
	}, object, 0, cache.Indexers{})
}

package main

import (
	"context"
	"errors"
	"io"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/wire"
)

// way reads every pod. What visit is given must not be kept.
type way func(ctx context.Context, client kubernetes.Interface, visit func(*corev1.Pod)) error

const pageSize = 500

func ways() map[string]way {
	return map[string]way{
		"stream-lean":  streamed(0, mesh.PodFields()),
		"stream-whole": streamed(0, nil),
		"pages-lean":   streamed(pageSize, mesh.PodFields()),
		"pages-typed":  typed(pageSize),
		"list-typed":   typed(0),
		"watch-list":   watchList,
	}
}

// streamed decodes pods as they arrive.
func streamed(limit int64, fields wire.Fields) way {
	return func(ctx context.Context, client kubernetes.Interface, visit func(*corev1.Pod)) error {
		options := metav1.ListOptions{Limit: limit}
		for {
			next, err := page(ctx, client, options, fields, visit)
			if err != nil || next == "" {
				return err
			}
			options.Continue = next
		}
	}
}

func page(ctx context.Context, client kubernetes.Interface, options metav1.ListOptions, fields wire.Fields, visit func(*corev1.Pod)) (next string, err error) {
	body, err := client.CoreV1().RESTClient().Get().Resource("pods").
		VersionedParams(&options, scheme.ParameterCodec).SetHeader("Accept", runtime.ContentTypeProtobuf).Stream(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = body.Close() }()
	list, err := wire.NewList(body)
	if err != nil {
		return "", err
	}
	var meta metav1.ListMeta
	var lean []byte
	for {
		message, isItem, err := list.Next()
		if errors.Is(err, io.EOF) {
			return meta.Continue, nil
		}
		if err != nil {
			return "", err
		}
		if !isItem {
			if err := meta.Unmarshal(message); err != nil {
				return "", err
			}
			continue
		}
		if lean, err = fields.Append(lean[:0], message); err != nil {
			return "", err
		}
		var pod corev1.Pod
		if err := pod.Unmarshal(lean); err != nil {
			return "", err
		}
		visit(&pod)
	}
}

// typed reads with client-go's client, as most programs do.
func typed(limit int64) way {
	return func(ctx context.Context, client kubernetes.Interface, visit func(*corev1.Pod)) error {
		options := metav1.ListOptions{Limit: limit}
		for {
			list, err := client.CoreV1().Pods("").List(ctx, options)
			if err != nil {
				return err
			}
			for i := range list.Items {
				visit(&list.Items[i])
			}
			if options.Continue = list.Continue; options.Continue == "" {
				return nil
			}
		}
	}
}

// watchList has a watch begin with everything that there is (KEP-3157).
func watchList(ctx context.Context, client kubernetes.Interface, visit func(*corev1.Pod)) error {
	initial := true
	watcher, err := client.CoreV1().Pods("").Watch(ctx, metav1.ListOptions{
		SendInitialEvents: &initial, AllowWatchBookmarks: true, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
	})
	if err != nil {
		return err
	}
	defer watcher.Stop()
	for event := range watcher.ResultChan() {
		pod, isPod := event.Object.(*corev1.Pod)
		switch {
		case !isPod:
			return apierrors.FromObject(event.Object)
		case event.Type == watch.Bookmark && pod.Annotations[metav1.InitialEventsAnnotationKey] == "true":
			return nil
		case event.Type != watch.Bookmark:
			visit(pod)
		}
	}
	return errors.New("the watch ended before everything was seen")
}

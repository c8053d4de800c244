package aks

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"
)

// applyWorkers is how many objects are sent to the API server at once.
const applyWorkers = 16

// Whom objects belong to: the add-on, or who uses the sandbox.
const (
	addonManager = "aks-addon-manager"
	userManager  = "sandbox"
)

// applier sends manifests to the API server.
type applier struct {
	// manager is whom the objects belong to.
	manager string
	client  dynamic.Interface
	mapper  meta.RESTMapper
}

func newApplier(config *rest.Config, manager string) (*applier, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client for manifests: %w", err)
	}
	kinds, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client for discovery: %w", err)
	}
	groups, err := restmapper.GetAPIGroupResources(kinds)
	if err != nil {
		return nil, fmt.Errorf("ask the API server for its kinds: %w", err)
	}
	return &applier{manager, client, restmapper.NewDiscoveryRESTMapper(groups)}, nil
}

// apply creates or changes objects, in no particular order.
func (a *applier) apply(ctx context.Context, objects ...*unstructured.Unstructured) error {
	return a.each(ctx, objects, func(ctx context.Context, o *unstructured.Unstructured, resource dynamic.ResourceInterface) error {
		_, err := resource.Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: a.manager, Force: true})
		if err != nil {
			return fmt.Errorf("apply %s %s: %w", o.GetKind(), o.GetName(), err)
		}
		return nil
	})
}

// remove deletes objects; those that are gone already are no error.
func (a *applier) remove(ctx context.Context, objects ...*unstructured.Unstructured) error {
	return a.each(ctx, objects, func(ctx context.Context, o *unstructured.Unstructured, resource dynamic.ResourceInterface) error {
		background := metav1.DeletePropagationBackground
		err := resource.Delete(ctx, o.GetName(), metav1.DeleteOptions{PropagationPolicy: &background})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("remove %s %s: %w", o.GetKind(), o.GetName(), err)
		}
		return nil
	})
}

type action func(context.Context, *unstructured.Unstructured, dynamic.ResourceInterface) error

func (a *applier) each(ctx context.Context, objects []*unstructured.Unstructured, do action) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(applyWorkers)
	for _, o := range objects {
		g.Go(func() error {
			resource, err := a.resource(o)
			if err != nil {
				return err
			}
			return do(ctx, o, resource)
		})
	}
	return g.Wait()
}

func (a *applier) resource(o *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := o.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, fmt.Errorf("find the resource of %s: %w", kind.Kind, err)
	}
	resource := a.client.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		return resource.Namespace(o.GetNamespace()), nil
	}
	o.SetNamespace("")
	return resource, nil
}

// Apply creates or changes the objects of a manifest. Those that have a
// namespace and do not name one come into the given one.
func (c *Cluster) Apply(ctx context.Context, namespace string, manifest []byte) error {
	objects, err := parseManifests(manifest)
	if err != nil {
		return err
	}
	// The kinds are asked for anew: there may be more of them by now.
	a, err := newApplier(c.cfg.Admin, userManager)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if o.GetNamespace() == "" {
			// A cluster-wide object is applied without it.
			o.SetNamespace(namespace)
		}
	}
	return a.apply(ctx, objects...)
}

// parseManifests reads the objects of a YAML stream.
func parseManifests(stream []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(stream)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read manifests: %w", err)
		}
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(document, &o.Object); err != nil {
			return nil, fmt.Errorf("read manifest %d: %w", len(objects)+1, err)
		}
		if len(o.Object) > 0 {
			objects = append(objects, o)
		}
	}
}

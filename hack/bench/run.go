package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/bench/cluster"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/bench/gauge"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/bench/page"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/parts"
)

func run(ctx context.Context) (err error) {
	o := parse()
	if err := o.complete(); err != nil {
		return err
	}
	programs, err := build(ctx)
	if err != nil {
		return err
	}
	c, err := cluster.Start(ctx, cluster.Options{Dir: o.data, Pods: o.pods, Programs: programs, Log: os.Stderr})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if o.serveOnly {
		return serve(ctx, c)
	}
	text, err := measure(ctx, o, c, programs)
	if err != nil {
		return err
	}
	if o.out == "" {
		_, err := fmt.Print(text)
		return err
	}
	return page.WriteInto(o.out, text)
}

// complete finds the folder for data and the plugin.
func (o *options) complete() error {
	if o.data == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("find a folder for data: %w", err)
		}
		o.data = filepath.Join(cache, "kubectl-istio-cni", "bench", strconv.Itoa(o.pods))
	}
	var err error
	if o.data, err = filepath.Abs(o.data); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(o.data), 0o755); err != nil {
		return err
	}
	if o.plugin, err = filepath.Abs(o.plugin); err != nil {
		return err
	}
	if _, err := os.Stat(o.plugin); err != nil {
		return fmt.Errorf("find the plugin, which make build makes: %w", err)
	}
	return nil
}

// build makes sure that the sandbox and the rivals are built.
func build(ctx context.Context) (map[string]string, error) {
	return parts.Builder{Log: os.Stderr}.Build(ctx,
		parts.Kubernetes, parts.Kubectl, parts.Etcd, parts.Kwok, parts.Istio, parts.PlainKubectl, parts.Istioctl)
}

// serve lets others use the cluster.
func serve(ctx context.Context, c *cluster.Cluster) error {
	fmt.Printf("export KUBECONFIG=%s\n", c.AdminKubeconfig())
	select {
	case err := <-c.Failed():
		return err
	case <-ctx.Done():
		return nil
	}
}

// bench is what measuring takes.
type bench struct {
	options
	*cluster.Cluster
	programs map[string]string
	// scratch is a folder for files that are not kept.
	scratch string
	runner  *gauge.Runner
	server  gauge.Server
}

func measure(ctx context.Context, o options, c *cluster.Cluster, programs map[string]string) (text string, err error) {
	b := &bench{options: o, Cluster: c, programs: programs, server: gauge.Server{PID: c.APIServerPID()}}
	if b.scratch, err = os.MkdirTemp("", "kubectl-istio-cni-bench-"); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.scratch)) }()
	if b.runner, err = gauge.NewRunner(ctx, b.scratch, "."); err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case err := <-c.Failed():
			cancel(err)
		case <-ctx.Done():
		}
	}()
	if text, err = b.report(ctx); err != nil && context.Cause(ctx) != nil {
		err = errors.Join(err, context.Cause(ctx))
	}
	return text, err
}

// Package cluster runs a bare control plane with as many pods as wanted, made
// once and kept in a folder.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/controlplane"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/kubelet"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/parts"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/process"
)

// Options say what the cluster is like.
type Options struct {
	// Dir keeps the cluster's data. It must be empty, or have been used before.
	Dir string
	// Pods in all.
	Pods int
	// Programs of the sandbox, by their names.
	Programs map[string]string
	Log      io.Writer
}

// Cluster is a running control plane in which nothing changes by itself.
type Cluster struct {
	*controlplane.ControlPlane
	// Made is what the cluster consists of.
	Made Made

	options   Options
	client    kubernetes.Interface
	kubelets  *kubelet.Server
	processes *process.Group
	unlock    func()
	begun     time.Time
}

// Start fills the folder, unless that has been done, and runs the control plane.
// The caller must Close it.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	unlock, err := process.Lock(ctx, o.Dir+".lock", func() {
		fmt.Fprintln(o.Log, "waiting for another benchmark that uses", o.Dir)
	})
	if err != nil {
		return nil, err
	}
	c := &Cluster{options: o, unlock: unlock, begun: time.Now()}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	filled, err := readMade(c.options.Dir, c.options.Pods)
	if err != nil {
		return err
	}
	if filled.Pods != 0 {
		c.Made = filled
		return c.run(ctx)
	}
	examples, err := c.prepare(ctx)
	if err != nil {
		return fmt.Errorf("make examples to copy: %w", err)
	}
	if err := c.run(ctx); err != nil {
		return err
	}
	if err := c.fill(ctx, examples); err != nil {
		return fmt.Errorf("fill the cluster: %w", err)
	}
	return c.Made.write(c.options.Dir)
}

// run runs the control plane, without controllers.
func (c *Cluster) run(ctx context.Context) error {
	var err error
	if c.kubelets, err = kubelet.Start(ctx, c.options.Dir); err != nil {
		return err
	}
	c.processes = process.NewGroup(c.options.Dir)
	c.ControlPlane, err = controlplane.Start(ctx, controlplane.Config{
		Etcd: c.options.Programs[parts.Etcd], Kubernetes: c.options.Programs[parts.Kubernetes],
		Dir: c.options.Dir, Processes: c.processes,
		Name: "bench", ServerName: "bench.example.com", Tunnel: c.kubelets.Tunnel(),
		WithoutControllers: true, APIServerEnv: frugal(c.options.Pods), Log: c.step,
	})
	if err != nil {
		return err
	}
	c.client, err = kubernetes.NewForConfig(protobuf(c.Admin))
	return err
}

// many is from how many pods on the API server has to save memory.
const many = 20_000

// frugal has the API server of a very large cluster use half as much memory.
func frugal(pods int) []string {
	if pods < many {
		return nil
	}
	return []string{"GOGC=50", "GOMEMLIMIT=5GiB"}
}

func protobuf(config *rest.Config) *rest.Config {
	c := rest.CopyConfig(config)
	c.ContentType = "application/vnd.kubernetes.protobuf"
	return c
}

// File is the path of a file of the control plane.
func (c *Cluster) File(elements ...string) string {
	return filepath.Join(append([]string{c.options.Dir}, elements...)...)
}

// Failed gives an error if the control plane ends by itself.
func (c *Cluster) Failed() <-chan error { return c.processes.Failed() }

func (c *Cluster) step(what string) {
	fmt.Fprintf(c.options.Log, "%6.1f s  %s\n", time.Since(c.begun).Seconds(), what)
}

// Close ends the control plane and waits until that is done. The data stays.
func (c *Cluster) Close() error {
	defer c.unlock()
	var err error
	if c.processes != nil {
		err = c.processes.Close()
	}
	if c.kubelets != nil {
		err = errors.Join(err, c.kubelets.Close())
	}
	return err
}

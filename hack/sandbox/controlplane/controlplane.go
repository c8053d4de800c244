// Package controlplane runs a Kubernetes control plane of real parts on the
// loopback interface: etcd, API server, controller manager and scheduler.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/pki"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/process"
)

// Config says what to run and where.
type Config struct {
	// Etcd and Kubernetes are the paths of the programs.
	Etcd, Kubernetes string
	// Dir is a folder for certificates, configuration and data.
	Dir string
	// Processes is the group that the processes join.
	Processes *process.Group
	// Name of the cluster in kubeconfigs.
	Name string
	// ServerName is a host name that the API server's certificate is valid for,
	// besides its address.
	ServerName string
	// Tunnel leads from the API server into the cluster.
	Tunnel Tunnel
	// WithoutControllers leaves out the controller manager and the scheduler, so
	// that nothing changes by itself.
	WithoutControllers bool
	// APIServerEnv is added to the API server's environment, such as GOGC=50.
	APIServerEnv []string
	// Log is told of each step once it is done.
	Log func(step string)
}

// ControlPlane is a running control plane.
type ControlPlane struct {
	cfg       Config
	authority *pki.Authority
	// Server is the URL of the API server, and Etcd that of its store.
	Server, Etcd string
	// Admin reaches the API server with every right.
	Admin *rest.Config
}

// apiServerName is the API server's name in its [process.Group].
const apiServerName = "kube-apiserver"

// APIServerPID is the number of the API server's process.
func (c *ControlPlane) APIServerPID() int { return c.cfg.Processes.PID(apiServerName) }

// authorityName is the file name of the cluster's certificate authority.
const authorityName = "ca"

// Start runs a control plane and returns once its API server answers. The
// controller manager and the scheduler get ready meanwhile.
func Start(ctx context.Context, cfg Config) (*ControlPlane, error) {
	c := &ControlPlane{cfg: cfg}
	if err := os.MkdirAll(c.path("pki"), 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for certificates: %w", err)
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { c.Etcd, err = c.startEtcd(gctx); return err })
	g.Go(c.writeFiles)
	if err := g.Wait(); err != nil {
		return nil, err
	}
	cfg.Log("etcd")
	if err := c.startAPIServer(ctx, c.Etcd); err != nil {
		return nil, err
	}
	cfg.Log("API server")
	if cfg.WithoutControllers {
		return c, nil
	}
	if err := errors.Join(c.startControllerManager(ctx), c.startScheduler(ctx)); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *ControlPlane) path(elements ...string) string {
	return filepath.Join(append([]string{c.cfg.Dir}, elements...)...)
}

// run starts one of the programs and waits until it is ready; nil does not wait.
// Its environment is empty but for what Go programs may want.
func (c *ControlPlane) run(ctx context.Context, ready func(context.Context) error, name, path string, args ...string) error {
	env := []string{"HOME=" + c.cfg.Dir, "TMPDIR=" + os.TempDir()}
	if name == apiServerName {
		env = append(env, c.cfg.APIServerEnv...)
	}
	return c.cfg.Processes.Start(ctx, process.Command{
		Name: name, Path: path, Args: args, Ready: ready, Env: env,
	})
}

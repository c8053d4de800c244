package aks

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/pki"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/process"
)

// The redirection mechanisms, as Azure names them.
const (
	InitContainers = "InitContainers"
	CNIChaining    = "CNIChaining"
)

// Config says what the cluster looks like.
type Config struct {
	// Kwok and Istio are the paths of the programs.
	Kwok, Istio string
	// Dir is a folder for configuration.
	Dir string
	// Processes is the group that the processes join.
	Processes *process.Group
	// Authority vouches for the webhooks' server.
	Authority *pki.Authority
	// Admin and Kubeconfig reach the API server with every right.
	Admin      *rest.Config
	Kubeconfig string

	// Where in Azure the cluster is.
	Subscription, NodeResourceGroup, Region string
	// KubernetesVersion of the nodes, such as 1.35.4.
	KubernetesVersion string
	Pools             []Pool
	// Revisions of the mesh, such as asm-1-27; none means no mesh.
	Revisions []string
	// Tags are revision tags and the revisions that they stand for.
	Tags map[string]string
	// Mechanism that the mesh starts with; empty means InitContainers.
	Mechanism string
	// ClassicSidecars has istio-proxy run beside the other containers, rather
	// than as an init container that goes on.
	ClassicSidecars bool
	// AgentDelay is the time between two node agents' getting ready.
	AgentDelay time.Duration
	// Log is told of each step once it is done.
	Log func(step string)
}

// Cluster is a running cluster.
type Cluster struct {
	cfg     Config
	client  kubernetes.Interface
	applier *applier

	// mu is held while the mechanism is switched.
	mu sync.Mutex
	// charts of each revision by mechanism.
	charts  map[string]map[string]chart
	istiods []*istiod
}

// authorityFile is the authority's certificate in the cluster's folder.
const authorityFile = "istiod-ca.crt"

// Start makes an AKS cluster of the control plane that cfg reaches.
func Start(ctx context.Context, cfg Config) (*Cluster, error) {
	if cfg.Mechanism == "" {
		cfg.Mechanism = InitContainers
	}
	c := &Cluster{cfg: cfg}
	if err := c.prepare(); err != nil {
		return nil, err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.startNodes(gctx) })
	g.Go(func() error { return c.startMesh(gctx) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Cluster) prepare() error {
	var err error
	if c.client, err = kubernetes.NewForConfig(c.cfg.Admin); err != nil {
		return fmt.Errorf("make a client for the cluster: %w", err)
	}
	if c.applier, err = newApplier(c.cfg.Admin, addonManager); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.cfg.Dir, authorityFile), c.cfg.Authority.Certificate(), 0o600); err != nil {
		return fmt.Errorf("write the authority's certificate for istiod: %w", err)
	}
	return nil
}

// startNodes registers the nodes and runs kwok, which plays their kubelets.
func (c *Cluster) startNodes(ctx context.Context) error {
	at := location{c.cfg.Subscription, c.cfg.NodeResourceGroup, c.cfg.Region}
	if err := createNodes(ctx, c.client, nodes(c.cfg.Pools, at, c.cfg.KubernetesVersion)); err != nil {
		return err
	}
	config, err := kwokConfig(c.cfg.AgentDelay)
	if err != nil {
		return err
	}
	path := filepath.Join(c.cfg.Dir, "kwok.yaml")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		return fmt.Errorf("write kwok's configuration: %w", err)
	}
	err = c.cfg.Processes.Start(ctx, process.Command{
		Name: "kwok", Path: c.cfg.Kwok,
		Args: []string{
			"--kubeconfig", c.cfg.Kubeconfig,
			"--config", path,
			"--manage-nodes-with-annotation-selector", fakeNode + "=fake",
			"--node-lease-duration-seconds", "40",
		},
		Env: []string{"HOME=" + c.cfg.Dir, "TMPDIR=" + os.TempDir()},
	})
	if err == nil {
		c.cfg.Log("nodes")
	}
	return err
}

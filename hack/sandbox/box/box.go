// Package box starts AKS in a box: a real control plane with nodes and a mesh
// that look like AKS's, and a simulated Azure Resource Manager that acts on
// them, all on the loopback interface.
package box

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/aks"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/arm"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/controlplane"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/kubelet"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/parts"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/process"
)

// Box is a running sandbox.
type Box struct {
	// Dir has the sandbox's files and logs.
	Dir string
	// Kubeconfig is the path of the administrator's kubeconfig.
	Kubeconfig string
	// Config and Client reach the API server as the administrator.
	Config *rest.Config
	Client kubernetes.Interface
	// Cluster is the cluster behind the API server.
	Cluster *aks.Cluster
	// ARM is the simulated Azure, and AzureURL where it is served.
	ARM      *arm.Server
	AzureURL string
	// Kubelets hand out containers' logs.
	Kubelets *kubelet.Server
	// Kubectl is the path of kubectl, in a folder of its own.
	Kubectl string

	options         Options
	ownDir          bool
	plane           *controlplane.ControlPlane
	processes       *process.Group
	http            *http.Server
	served          chan error
	identityHeader  string
	environmentFile string
	begun           time.Time
}

// startPatience is how long a sandbox may take to start once its programs are
// built.
const startPatience = 3 * time.Minute

// Start starts a sandbox and returns when it is ready for use. The caller must
// Close it. The context is for starting only.
func Start(ctx context.Context, o Options) (*Box, error) {
	o, err := o.complete()
	if err != nil {
		return nil, fmt.Errorf("the sandbox's options: %w", err)
	}
	programs, err := o.Parts.Build(ctx)
	if err != nil {
		return nil, err
	}
	b := &Box{options: o, identityHeader: rand.Text(), begun: time.Now(), Kubectl: programs[parts.Kubectl]}
	if err := b.makeDir(); err != nil {
		return nil, err
	}
	b.processes = process.NewGroup(b.Dir)
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if err := b.start(ctx, programs); err != nil {
		return nil, errors.Join(fmt.Errorf("start the sandbox: %w", err), b.Close())
	}
	return b, nil
}

func (b *Box) makeDir() (err error) {
	if b.Dir = b.options.Dir; b.Dir == "" {
		b.ownDir = true
		if b.Dir, err = os.MkdirTemp("", "kubectl-istio-cni-"); err != nil {
			return fmt.Errorf("make a folder for the sandbox: %w", err)
		}
		return nil
	}
	if b.Dir, err = filepath.Abs(b.Dir); err != nil {
		return fmt.Errorf("find the sandbox's folder: %w", err)
	}
	if err := os.MkdirAll(b.Dir, 0o700); err != nil {
		return fmt.Errorf("make the sandbox's folder: %w", err)
	}
	return nil
}

func (b *Box) start(ctx context.Context, programs map[string]string) error {
	var err error
	if b.Kubelets, err = kubelet.Start(ctx, b.Dir); err != nil {
		return err
	}
	b.plane, err = controlplane.Start(ctx, controlplane.Config{
		Etcd: programs[parts.Etcd], Kubernetes: programs[parts.Kubernetes],
		Dir: b.Dir, Processes: b.processes,
		Name: b.options.Name, ServerName: b.options.fqdn(), Tunnel: b.Kubelets.Tunnel(), Log: b.step,
	})
	if err != nil {
		return err
	}
	b.Kubeconfig, b.Config = b.plane.AdminKubeconfig(), b.plane.Admin
	if b.Client, err = kubernetes.NewForConfig(b.Config); err != nil {
		return fmt.Errorf("make a client for the cluster: %w", err)
	}
	if b.Cluster, err = aks.Start(ctx, b.clusterConfig(programs)); err != nil {
		return err
	}
	if err := b.startAzure(ctx); err != nil {
		return err
	}
	b.step("Azure")
	return b.waitUsable(ctx)
}

func (b *Box) clusterConfig(programs map[string]string) aks.Config {
	o := b.options
	return aks.Config{
		Kwok: programs[parts.Kwok], Istio: programs[parts.Istio],
		Dir: b.Dir, Processes: b.processes, Authority: b.plane.Authority(),
		Admin: b.Config, Kubeconfig: b.Kubeconfig,
		Subscription: Subscription, NodeResourceGroup: o.nodeResourceGroup(), Region: Region,
		KubernetesVersion: parts.KubernetesVersion(), Pools: o.pools(),
		Revisions: o.Revisions, Tags: o.Tags, Mechanism: o.Mechanism,
		ClassicSidecars: o.ClassicSidecars, AgentDelay: o.Timing.Agent,
		Log: b.step,
	}
}

// step says what is done, and how long after the beginning.
func (b *Box) step(what string) {
	fmt.Fprintf(b.options.Log, "%5.1f s  %s\n", time.Since(b.begun).Seconds(), what)
}

// Failed gives an error if one of the sandbox's programs ends by itself.
func (b *Box) Failed() <-chan error { return b.processes.Failed() }

// Close ends the sandbox and waits until all of it is gone.
func (b *Box) Close() error {
	err := errors.Join(b.stopAzure(), b.processes.Close())
	if b.Kubelets != nil {
		err = errors.Join(err, b.Kubelets.Close())
	}
	if b.ownDir {
		err = errors.Join(err, os.RemoveAll(b.Dir))
	}
	return err
}

package aks

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/pki"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/process"
)

// istiod is the injector of one revision, a process of its own.
type istiod struct {
	revision string
	// url of the webhooks' server.
	url    string
	client *http.Client
}

// startIstiod runs istiod for a revision and waits until it is ready. Its
// injector's ConfigMap must be there.
func (c *Cluster) startIstiod(ctx context.Context, revision string) (*istiod, error) {
	pair, err := c.cfg.Authority.Server(istiodName(revision), "127.0.0.1", istiodName(revision)+"."+Namespace+".svc")
	if err != nil {
		return nil, err
	}
	if err := pair.Write(c.cfg.Dir, istiodName(revision)); err != nil {
		return nil, err
	}
	i := &istiod{revision: revision, client: trusting(c.cfg.Authority)}
	err = process.OnFreePorts(ctx, istiodPorts, func(ports []int) error {
		i.url = "https://" + process.Loopback(ports[0])
		return c.cfg.Processes.Start(ctx, process.Command{
			Name: istiodName(revision), Path: c.cfg.Istio,
			Args: c.istiodArgs(revision, ports), Env: c.istiodEnv(revision),
			Ready: func(ctx context.Context) error {
				return process.AnswersOK(ctx, http.DefaultClient, "http://"+process.Loopback(ports[1])+"/ready")
			},
		})
	})
	return i, err
}

// istiodPorts is the number of ports that istiod listens on: webhooks, HTTP,
// gRPC, secured gRPC, monitoring.
const istiodPorts = 5

func (c *Cluster) istiodArgs(revision string, ports []int) []string {
	certificate := filepath.Join(c.cfg.Dir, istiodName(revision))
	return []string{
		"discovery", "discovery",
		"--kubeconfig", c.cfg.Kubeconfig,
		"--namespace", Namespace,
		"--httpsAddr", process.Loopback(ports[0]),
		"--httpAddr", process.Loopback(ports[1]),
		"--grpcAddr", process.Loopback(ports[2]),
		"--secureGRPCAddr", process.Loopback(ports[3]),
		"--monitoringAddr", process.Loopback(ports[4]),
		"--ctrlz_port", "0",
		"--tlsCertFile", certificate + ".crt",
		"--tlsKeyFile", certificate + ".key",
		"--caCertFile", filepath.Join(c.cfg.Dir, authorityFile),
		"--shutdownDuration", "1s",
	}
}

func (c *Cluster) istiodEnv(revision string) []string {
	return []string{
		"HOME=" + c.cfg.Dir,
		"TMPDIR=" + os.TempDir(),
		"REVISION=" + revision,
		"POD_NAME=" + istiodName(revision),
		"POD_NAMESPACE=" + Namespace,
		"CLUSTER_ID=Kubernetes",
		"PILOT_CERT_PROVIDER=istiod",
		"PILOT_ENABLE_ANALYSIS=false",
		"SHARED_MESH_CONFIG=" + sharedConfigName(revision),
		"INJECTION_WEBHOOK_CONFIG_NAME=",
		"VALIDATION_WEBHOOK_CONFIG_NAME=",
		fmt.Sprintf("ENABLE_NATIVE_SIDECARS=%t", !c.cfg.ClassicSidecars),
	}
}

// trusting is a client that trusts what the authority vouches for.
func trusting(authority *pki.Authority) *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: authority.ClientTLS()}}
}

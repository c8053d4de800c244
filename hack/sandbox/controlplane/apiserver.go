package controlplane

import (
	"context"
	"fmt"
	"strconv"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/process"
)

// startAPIServer runs the API server and waits until it is ready.
func (c *ControlPlane) startAPIServer(ctx context.Context, etcd string) error {
	return process.OnFreePorts(ctx, 1, func(ports []int) error {
		c.Server = "https://" + process.Loopback(ports[0])
		if err := c.writeAdmin(); err != nil {
			return err
		}
		client, err := rest.HTTPClientFor(c.Admin)
		if err != nil {
			return fmt.Errorf("make a client for the API server: %w", err)
		}
		defer client.CloseIdleConnections()
		ready := func(ctx context.Context) error { return process.AnswersOK(ctx, client, c.Server+"/readyz") }
		return c.run(ctx, ready, apiServerName, c.cfg.Kubernetes, c.apiServerArgs(etcd, ports[0])...)
	})
}

func (c *ControlPlane) apiServerArgs(etcd string, port int) []string {
	pki := func(name string) string { return c.path("pki", name) }
	return []string{
		"apiserver",
		"--etcd-servers", etcd,
		"--bind-address", "127.0.0.1",
		"--advertise-address", "127.0.0.1",
		"--secure-port", strconv.Itoa(port),
		"--endpoint-reconciler-type", "none",
		"--egress-selector-config-file", c.path("egress.yaml"),
		"--tls-cert-file", pki("apiserver.crt"),
		"--tls-private-key-file", pki("apiserver.key"),
		"--client-ca-file", pki("ca.crt"),
		"--authorization-mode", "Node,RBAC",
		"--allow-privileged",
		"--service-cluster-ip-range", "10.0.0.0/16",
		"--service-account-issuer", "https://" + c.cfg.ServerName,
		"--service-account-signing-key-file", pki("service-accounts.key"),
		"--service-account-key-file", pki("service-accounts.pub"),
		"--requestheader-client-ca-file", pki("front-proxy-ca.crt"),
		"--requestheader-allowed-names", "front-proxy-client",
		"--requestheader-username-headers", "X-Remote-User",
		"--requestheader-group-headers", "X-Remote-Group",
		"--requestheader-extra-headers-prefix", "X-Remote-Extra-",
		"--proxy-client-cert-file", pki("front-proxy.crt"),
		"--proxy-client-key-file", pki("front-proxy.key"),
		"--profiling=false",
		"--v", "1",
	}
}

// writeAdmin makes the administrator's kubeconfig for the current address, and
// the client configuration from it.
func (c *ControlPlane) writeAdmin() error {
	path, err := c.Kubeconfig("admin", KubeconfigOptions{User: "clusterAdmin"})
	if err != nil {
		return err
	}
	c.Admin, err = clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return fmt.Errorf("read the administrator's kubeconfig: %w", err)
	}
	// The sandbox must not wait for itself, and Istio's charts have fields that the
	// API server warns about.
	c.Admin.QPS, c.Admin.WarningHandler = -1, rest.NoWarnings{}
	return nil
}

// AdminKubeconfig is the path of the administrator's kubeconfig.
func (c *ControlPlane) AdminKubeconfig() string { return c.path("admin.kubeconfig") }

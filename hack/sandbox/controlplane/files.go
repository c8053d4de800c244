package controlplane

import (
	"errors"
	"fmt"
	"os"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/pki"
)

// egress sends what the API server would dial inside the cluster, which is on
// no network, through the tunnel. So nothing leaves the loopback interface.
const egress = `apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection:
    proxyProtocol: HTTPConnect
    transport:
      tcp:
        url: %q
        tlsConfig: {caBundle: %q, clientCert: %q, clientKey: %q}
- name: controlplane
  connection:
    proxyProtocol: Direct
- name: etcd
  connection:
    proxyProtocol: Direct
`

// Tunnel is where the API server finds what is inside the cluster, and the files
// with what it takes to get in.
type Tunnel struct{ URL, Authority, Certificate, Key string }

func (t Tunnel) egress() []byte {
	return fmt.Appendf(nil, egress, t.URL, t.Authority, t.Certificate, t.Key)
}

// writeFiles makes the keys, certificates and configuration that the programs
// read.
func (c *ControlPlane) writeFiles() error {
	var err error
	if c.authority, err = pki.New(c.cfg.Name + "-ca"); err != nil {
		return err
	}
	frontProxy, err := pki.New(c.cfg.Name + "-front-proxy-ca")
	if err != nil {
		return err
	}
	private, public, err := pki.NewKey()
	if err != nil {
		return err
	}
	return errors.Join(
		c.writePair(authorityName)(c.authority.Pair()),
		c.writePair("front-proxy-ca")(frontProxy.Pair()),
		c.writePair("front-proxy")(frontProxy.Client("front-proxy-client")),
		c.writePair("apiserver")(c.authority.Server("kube-apiserver", c.serverNames()...)),
		c.writePair("admin")(c.authority.Client("masterclient", "system:masters")),
		c.write("pki/service-accounts.key", private),
		c.write("pki/service-accounts.pub", public),
		c.write("egress.yaml", c.cfg.Tunnel.egress()),
	)
}

func (c *ControlPlane) serverNames() []string {
	return []string{
		c.cfg.ServerName, "localhost", "127.0.0.1", "10.0.0.1",
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}
}

func (c *ControlPlane) writePair(name string) func(pki.Pair, error) error {
	return func(pair pki.Pair, err error) error {
		if err != nil {
			return err
		}
		return pair.Write(c.path("pki"), name)
	}
}

func (c *ControlPlane) write(name string, content []byte) error {
	if err := os.WriteFile(c.path(name), content, 0o600); err != nil {
		return fmt.Errorf("write the control plane's %s: %w", name, err)
	}
	return nil
}

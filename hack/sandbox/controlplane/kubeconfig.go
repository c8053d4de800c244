package controlplane

import (
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/pki"
)

// KubeconfigOptions say what a kubeconfig holds.
type KubeconfigOptions struct {
	// User is the name of the entry for the user.
	User string
	// Namespace of the context.
	Namespace string
	// ByName has the client check that the server is the one with the cluster's
	// host name, as it does when it reaches the server by that name.
	ByName bool
	// Pair is the user's certificate; nil means the administrator's.
	Pair *pki.Pair
}

// Kubeconfig writes a kubeconfig file and returns its path. Everything is in
// the file, so it can be copied.
func (c *ControlPlane) Kubeconfig(file string, o KubeconfigOptions) (string, error) {
	pair := o.Pair
	if pair == nil {
		admin, err := c.readPair("admin")
		if err != nil {
			return "", err
		}
		pair = &admin
	}
	content, err := c.kubeconfig(o, *pair)
	if err != nil {
		return "", fmt.Errorf("make the kubeconfig %s: %w", file, err)
	}
	path := c.path(file + ".kubeconfig")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return "", fmt.Errorf("write a kubeconfig: %w", err)
	}
	return path, nil
}

func (c *ControlPlane) kubeconfig(o KubeconfigOptions, pair pki.Pair) ([]byte, error) {
	name := c.cfg.Name
	user := o.User + "_" + name
	cluster := &clientcmdapi.Cluster{Server: c.Server, CertificateAuthorityData: c.authority.Certificate()}
	if o.ByName {
		cluster.TLSServerName = c.cfg.ServerName
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = cluster
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificateData: pair.Certificate, ClientKeyData: pair.Key}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: user, Namespace: o.Namespace}
	config.CurrentContext = name
	return clientcmd.Write(*config)
}

func (c *ControlPlane) readPair(name string) (pki.Pair, error) {
	certificate, err := os.ReadFile(c.path("pki", name+".crt"))
	if err != nil {
		return pki.Pair{}, err
	}
	key, err := os.ReadFile(c.path("pki", name+".key"))
	return pki.Pair{Certificate: certificate, Key: key}, err
}

// User issues a certificate for a user.
func (c *ControlPlane) User(name string, groups ...string) (pki.Pair, error) {
	return c.authority.Client(name, groups...)
}

// Open gives what is needed to make kubeconfigs for a control plane that
// another process runs in cfg.Dir.
func Open(cfg Config) (*ControlPlane, error) {
	c := &ControlPlane{cfg: cfg}
	var err error
	if c.authority, err = pki.Load(c.path("pki"), authorityName); err != nil {
		return nil, fmt.Errorf("open the control plane in %s: %w", cfg.Dir, err)
	}
	if c.Admin, err = clientcmd.BuildConfigFromFlags("", c.AdminKubeconfig()); err != nil {
		return nil, fmt.Errorf("open the control plane in %s: %w", cfg.Dir, err)
	}
	c.Server = c.Admin.Host
	return c, nil
}

// Authority is the cluster's certificate authority.
func (c *ControlPlane) Authority() *pki.Authority { return c.authority }

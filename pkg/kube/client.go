// Package kube is everything that speaks to the API server: reading what the
// mesh is made of, streaming pods, labelling namespaces, restarting workloads
// and watching their rollouts.
package kube

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
)

// FieldManager is recorded as the author of what the program changes.
const FieldManager = "kubectl-istio-cni"

// Client speaks to the API server of one kube context.
type Client struct {
	Interface

	context Context
	// fastest is how long the quickest answer so far took to begin, 0 before the
	// first.
	fastest *atomic.Int64
}

// Context is what the kubeconfig says about the server.
type Context struct {
	// Name of the context, "" inside a pod.
	Name string
	// Namespace that the context or the flags choose.
	Namespace string
	// Server is the API server's URL.
	Server string
	// ServerNames are the names that the server's certificate is checked
	// against: the URL's host, unless the kubeconfig names another.
	ServerNames []string
	// LoginArgs are the arguments of the credential plugin, if there is one.
	LoginArgs []string
}

// Options are what a client may be told besides its flags.
type Options struct {
	UserAgent string
	// Warnings is where the API server's warnings go.
	Warnings io.Writer
}

// NewClient makes a client for the context that the flags choose. It sends
// nothing.
func NewClient(flags *genericclioptions.ConfigFlags, options Options) (*Client, error) {
	config, err := flags.ToRESTConfig()
	if err != nil {
		return nil, &fail.Error{Attempt: "use the kubeconfig", Cause: err, Remedy: "set KUBECONFIG or --kubeconfig, and choose a context with --context"}
	}
	config = rest.CopyConfig(config)
	config.UserAgent = options.UserAgent
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	config.WarningHandler = rest.NewWarningWriter(options.Warnings, rest.WarningWriterOptions{Deduplicate: true})
	// No limit of our own: the server shares itself out (API priority and fairness),
	// and hundreds of patches must not wait for each other here.
	config.QPS = -1
	if config.Proxy == nil {
		// What client-go does anyway, but said so it makes us a connection of our own,
		// which may be set up, instead of one shared by all clients of a server.
		config.Proxy = http.ProxyFromEnvironment
	}
	fastest := &atomic.Int64{}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return pace{smallWindows(next), fastest} })
	clients, err := newGroups(config)
	if err != nil {
		return nil, fail.To("use the kubeconfig", err)
	}
	if err := checkContext(flags); err != nil {
		return nil, err
	}
	kubeContext, err := readContext(flags, config)
	if err != nil {
		return nil, err
	}
	return &Client{Interface: clients, context: kubeContext, fastest: fastest}, nil
}

// smallWindows lets the server be ahead of us by a megabyte a list instead of four.
// That keeps a link of 50 Mbit/s busy up to a round trip of 160 ms.
func smallWindows(connection http.RoundTripper) http.RoundTripper {
	if transport, ok := connection.(*http.Transport); ok {
		transport.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 1 << 20}
	}
	return connection
}

// Context tells what the client speaks to.
func (c *Client) Context() Context { return c.context }

// checkContext makes sure that there is a cluster to speak to. client-go falls
// back to localhost:8080 where nothing names one, which explains nothing.
func checkContext(flags *genericclioptions.ConfigFlags) error {
	raw, err := flags.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return fail.To("read the kubeconfig", err)
	}
	given := flags.APIServer != nil && *flags.APIServer != ""
	if _, err := rest.InClusterConfig(); len(raw.Clusters) > 0 || given || err == nil {
		return nil
	}
	return &fail.Error{
		Attempt: "use the kubeconfig", Cause: errors.New("it names no cluster, or there is none"),
		Remedy: "set KUBECONFIG or --kubeconfig, or get one with `az aks get-credentials`",
	}
}

func readContext(flags *genericclioptions.ConfigFlags, config *rest.Config) (Context, error) {
	loader := flags.ToRawKubeConfigLoader()
	namespace, _, err := loader.Namespace()
	if err != nil {
		return Context{}, fail.To("read the namespace of the kube context", err)
	}
	raw, err := loader.RawConfig()
	if err != nil {
		return Context{}, fail.To("read the kubeconfig", err)
	}
	c := Context{Name: raw.CurrentContext, Namespace: namespace, Server: config.Host}
	if flags.Context != nil && *flags.Context != "" {
		c.Name = *flags.Context
	}
	c.ServerNames = serverNames(config)
	if exec := config.ExecProvider; exec != nil {
		c.LoginArgs = loginArgs(exec)
	}
	return c, nil
}

// serverNames trusts a name only as far as TLS does: with verification off, or
// without TLS, no name proves anything, but the URL still says who is meant.
func serverNames(config *rest.Config) []string {
	var names []string
	if u, err := url.Parse(config.Host); err == nil && u.Hostname() != "" {
		names = append(names, u.Hostname())
	}
	if name := config.ServerName; name != "" && !config.Insecure {
		names = append(names, name)
	}
	return names
}

// loginArgs are the plugin's arguments, with kubelogin's environment variable
// for the same thing in the form of its flag.
func loginArgs(exec *clientcmdapi.ExecConfig) []string {
	args := slices.Clone(exec.Args)
	for _, variable := range exec.Env {
		if variable.Name == "AZURE_ENVIRONMENT" {
			args = append(args, "--environment", variable.Value)
		}
	}
	return args
}

// Permission is an RBAC rule that a read or a write needs.
type Permission struct{ Verb, Resource, Namespace string }

// String says it as a person would ask for it.
func (p Permission) String() string {
	if p.Namespace == "" {
		return fmt.Sprintf("%s %s (cluster-wide)", p.Verb, p.Resource)
	}
	return fmt.Sprintf("%s %s in namespace %s", p.Verb, p.Resource, p.Namespace)
}

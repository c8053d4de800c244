package main

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/bench/gauge"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/parts"
)

// howto is what the how-to has people ask for.
const howto = `jsonpath={range .items[*]}{.metadata.name}{"\t"}{.spec.initContainers[0].name}{"\t"}{.spec.initContainers[0].securityContext.capabilities}{"\n"}{end}`

// Titles that others are compared with.
const (
	howtoTitle = "the how-to's `kubectl get pods -A -o jsonpath=…`"
	limitTitle = "`curl`, protobuf"
)

// contender is a way to read every pod.
type contender struct {
	title string
	// command reads from the API server at a URL.
	command func(b *bench, server string) ([]string, error)
	// exits are the exit codes that only say what was found.
	exits []int
	slow  bool
}

// contenders in the order of the table.
func contenders() []contender {
	return []contender{
		{title: limitTitle, command: curl("application/vnd.kubernetes.protobuf", "/api/v1/pods")},
		{title: "`kubectl istio-cni pods -A`", command: plugin("pods", "-A")},
		{title: "`kubectl istio-cni check -A`", command: plugin("check", "-A", "--skip", "azure"), exits: []int{1, 3, 4}},
		{title: "`kubectl get pods -A`", command: kubectl("get", "pods", "-A"), slow: true},
		{title: howtoTitle, command: kubectl("get", "pods", "-A", "-o", howto), slow: true},
		// 79 says that it found something.
		{title: "`istioctl analyze -A`", command: istioctl("analyze", "-A", "--istioNamespace", "aks-istio-system"), exits: []int{79}, slow: true},
	}
}

// shaped are those that a slow link is measured with.
func shaped() []contender {
	return []contender{
		{title: limitTitle, command: curl("application/vnd.kubernetes.protobuf", "/api/v1/pods")},
		{title: "`curl --compressed`, protobuf", command: curl("application/vnd.kubernetes.protobuf", "/api/v1/pods", "--compressed")},
		{title: "`kubectl istio-cni pods -A`", command: plugin("pods", "-A")},
		{title: "`kubectl istio-cni check -A`", command: plugin("check", "-A", "--skip", "azure"), exits: []int{1, 3, 4}},
	}
}

// chosen are the contenders that --only asks for, and the one that all are compared
// with.
func (b *bench) chosen(all []contender) []contender {
	return slices.DeleteFunc(all, func(c contender) bool { return c.title != limitTitle && !strings.Contains(c.title, b.only) })
}

// at makes the command that reads from a server.
func (c contender) at(b *bench, server string) (gauge.Command, error) {
	args, err := c.command(b, server)
	return gauge.Command{Args: args, Env: b.env(), Exits: c.exits}, err
}

// env leads nowhere but to the cluster: no settings, no way to sign in.
func (b *bench) env() []string {
	return []string{"HOME=" + b.scratch, "PATH=" + b.scratch, "TMPDIR=" + os.TempDir()}
}

func plugin(args ...string) func(*bench, string) ([]string, error) {
	return func(b *bench, server string) ([]string, error) { return b.withKubeconfig(server, b.plugin, args) }
}

func kubectl(args ...string) func(*bench, string) ([]string, error) {
	return func(b *bench, server string) ([]string, error) {
		return b.withKubeconfig(server, b.programs[parts.PlainKubectl], args)
	}
}

func istioctl(args ...string) func(*bench, string) ([]string, error) {
	return func(b *bench, server string) ([]string, error) {
		return b.withKubeconfig(server, b.programs[parts.Istioctl], args)
	}
}

// curl reads a path in a format.
func curl(accept, path string, flags ...string) func(*bench, string) ([]string, error) {
	return func(b *bench, server string) ([]string, error) {
		program, err := exec.LookPath("curl")
		args := []string{
			program, "--silent", "--show-error", "--fail", "--output", os.DevNull,
			"--cacert", b.File("pki", "ca.crt"), "--cert", b.File("pki", "admin.crt"), "--key", b.File("pki", "admin.key"),
			"--header", "Accept: " + accept,
		}
		return append(append(args, flags...), server+path), err
	}
}

// withKubeconfig has a program use a kubeconfig for a server.
func (b *bench) withKubeconfig(server, program string, args []string) ([]string, error) {
	path, err := b.kubeconfig(server)
	return append([]string{program, "--kubeconfig", path}, args...), err
}

// kubeconfig writes the administrator's kubeconfig for the API server at a URL,
// which may be that of a way to it.
func (b *bench) kubeconfig(server string) (string, error) {
	config, err := clientcmd.LoadFromFile(b.AdminKubeconfig())
	if err != nil {
		return "", err
	}
	for _, c := range config.Clusters {
		c.Server = server
		if strings.HasPrefix(server, "http:") {
			c.CertificateAuthorityData = nil
		}
	}
	parsed, err := url.Parse(server)
	if err != nil {
		return "", err
	}
	path := filepath.Join(b.scratch, parsed.Port()+".kubeconfig")
	return path, clientcmd.WriteToFile(*config, path)
}

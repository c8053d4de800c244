// Package parts builds the programs that the sandbox consists of. Each comes
// from a Go module of its own beside this file, because they disagree about the
// versions of what they import. What is built is kept outside the tree, by a
// digest of all that it is made from.
package parts

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Names of the programs.
const (
	Etcd       = "etcd"
	Kubernetes = "kubernetes"
	Kubectl    = "kubectl"
	Kwok       = "kwok"
	Istio      = "istio"
)

// Names of the programs that only the benchmark uses, and that are built only
// when they are named. PlainKubectl is kubectl as the Go compiler makes it if
// nobody tells it to hurry: a fair rival.
const (
	PlainKubectl = "kubectl-plain"
	Istioctl     = "istioctl"
)

// kubernetesVersion is what the control plane and kubectl say of themselves. It
// is the version that parts/kubernetes/go.mod requires.
const kubernetesVersion = "1.35.4"

// KubernetesVersion is the version of the control plane, such as 1.35.4.
func KubernetesVersion() string { return kubernetesVersion }

// part is one program: a package of one of the modules.
type part struct {
	name, module, pkg string
	// flags of the linker, besides those that leave out debugging tables.
	linker string
	// plain has the compiler do all that it can for the program's speed.
	plain bool
}

// all lists the programs in the order in which they are built. What takes
// longest comes first.
func all() []part {
	return []part{
		{name: Kubernetes, module: "kubernetes", pkg: ".", linker: versionFlags()},
		{name: Kubectl, module: "kubernetes", pkg: "k8s.io/kubernetes/cmd/kubectl", linker: versionFlags()},
		{name: Etcd, module: "etcd", pkg: "go.etcd.io/etcd/server/v3"},
		{name: Kwok, module: "kwok", pkg: "sigs.k8s.io/kwok/cmd/kwok"},
		{name: Istio, module: "istio", pkg: "."},
	}
}

// extra lists the programs that are built only when they are named.
func extra() []part {
	return []part{
		{name: PlainKubectl, module: "kubernetes", pkg: "k8s.io/kubernetes/cmd/kubectl", linker: versionFlags(), plain: true},
		{name: Istioctl, module: "istioctl", pkg: "istio.io/istio/istioctl/cmd/istioctl", plain: true},
	}
}

// named are the programs with these names, or all but the extra ones.
func named(names []string) []part {
	if len(names) == 0 {
		return all()
	}
	return slices.DeleteFunc(append(all(), extra()...), func(p part) bool { return !slices.Contains(names, p.name) })
}

func versionFlags() string {
	numbers := strings.SplitN(kubernetesVersion, ".", 3)
	return strings.Join([]string{
		"-X k8s.io/component-base/version.gitVersion=v" + kubernetesVersion,
		"-X k8s.io/component-base/version.gitMajor=" + numbers[0],
		"-X k8s.io/component-base/version.gitMinor=" + numbers[1],
		"-X k8s.io/client-go/pkg/version.gitVersion=v" + kubernetesVersion,
	}, " ")
}

// inlined are the packages that the API server spends its start in. The others
// are compiled without inlining: nobody waits for what it would gain them, and
// the compiler needs a quarter less time.
func inlined() []string {
	return []string{
		"std", "golang.org/x/...", "google.golang.org/...", "github.com/google/...", "github.com/fxamacker/...",
		"k8s.io/apimachinery/...", "k8s.io/kube-openapi/...", "sigs.k8s.io/...",
	}
}

// arguments of go build, but for the output. Nobody debugs these programs, so
// the tables for it are left out as well.
func (p part) arguments() []string {
	args := []string{"build", "-mod=readonly", "-trimpath"}
	if !p.plain {
		args = append(args, "-gcflags=all=-l -dwarf=false")
		for _, pattern := range inlined() {
			args = append(args, "-gcflags="+pattern+"=-dwarf=false")
		}
	}
	return append(args, "-ldflags", strings.TrimSpace("-s -w "+p.linker))
}

// digest names all that a program is made from: the module's files, how it is
// built, and with which compiler for which machine (target).
func (p part) digest(source, target string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, p.name, p.pkg, p.arguments(), target)
	files, err := filepath.Glob(filepath.Join(source, p.module, "*"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("find the module of %s in %s: no files (%w)", p.name, source, err)
	}
	for _, file := range files {
		if err := hashFile(h, file); err != nil {
			return "", fmt.Errorf("read the module of %s: %w", p.name, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

func hashFile(h io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	fmt.Fprintln(h, filepath.Base(path))
	_, err = io.Copy(h, f)
	return err
}

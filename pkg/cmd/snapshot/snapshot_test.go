package snapshot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func TestName(t *testing.T) {
	for kubeContext, want := range map[string]string{
		"contoso-aks":             "istio-cni-contoso-aks-20261102T080000Z.json.gz",
		"../../etc/passwd":        "istio-cni-etc-passwd-20261102T080000Z.json.gz",
		"user@contoso/aks\x1b[2J": "istio-cni-user-contoso-aks--2J-20261102T080000Z.json.gz",
		"":                        "istio-cni--20261102T080000Z.json.gz",
	} {
		s := snapshot.New(time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC))
		s.Context.Name = kubeContext
		if got := (&Options{}).name(s); got != want {
			t.Errorf("%q: got %s, want %s", kubeContext, got, want)
		}
		if got := (&Options{File: "mine.json.gz"}).name(s); got != "mine.json.gz" {
			t.Errorf("a name that was given: got %s", got)
		}
	}
}

// A snapshot is for its owner's eyes and never replaces a file.
func TestWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "snapshot.json.gz")
	if err := factory.WriteNew(file, strings.NewReader("content")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %o", mode)
	}
	err = factory.WriteNew(file, strings.NewReader("other"))
	if err == nil || !strings.Contains(err.Error(), "it exists") || fail.Remedy(err) == "" {
		t.Errorf("a second time: %v", err)
	}
	if text, _ := os.ReadFile(file); string(text) != "content" {
		t.Errorf("it holds %q", text)
	}
}

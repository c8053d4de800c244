package cmd

import (
	"testing"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
)

func TestMisspeltSubcommand(t *testing.T) {
	p := newProgram(t)
	if code := Execute(t.Context(), p.Factory, []string{"feature", "regster"}); code != fail.ExitUsage {
		t.Errorf("exit code %d", code)
	}
}

func TestDryRunIsTheSameEverywhere(t *testing.T) {
	root := New(newProgram(t).Factory)
	for _, name := range []string{"enable", "restart", "label"} {
		cmd, _, _ := root.Find([]string{name})
		if err := cmd.ParseFlags([]string{"--dry-run=client"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

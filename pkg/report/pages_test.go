package report

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
)

// docs/checks has a page for each check and nothing else, made from the checks
// themselves. Run with -update to write them.
func TestCheckPagesAreCurrent(t *testing.T) {
	folder := filepath.Join("..", "..", "docs", "checks")
	want := map[string]string{"README.md": RuleIndex(check.Rules())}
	for _, rule := range check.Rules() {
		want[rule.ID+".md"] = RulePage(rule)
	}
	if *update {
		writePages(t, folder, want)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got[entry.Name()] = string(text)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("pages (-want +got):\n%s\nrun `go test ./pkg/report -update`", diff)
	}
	for name, page := range want {
		if diff := cmp.Diff(page, got[name]); diff != "" {
			t.Errorf("%s is not current (-want +got):\n%s\nrun `go test ./pkg/report -update`", name, diff)
		}
	}
}

func writePages(t *testing.T, folder string, pages map[string]string) {
	t.Helper()
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, page := range pages {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

package output

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/kubectl/pkg/cmd/get"
)

// kubectl's own printer says what is right.
func TestCustomColumnsAsKubectlPrintsThem(t *testing.T) {
	answer := map[string]any{
		"apiVersion": "istio-cni/v1", "kind": "ItemList",
		"items": []any{
			map[string]any{"name": "web", "labels": map[string]any{"app": "web", "a.b/c": "d"}, "count": 9007199254740993, "parts": []any{"a", 1, 1.5, true, nil}},
			map[string]any{"name": "契約\x1b[31m", "empty": map[string]any{}, "parts": []any{}, "null": nil, "deep": []any{map[string]any{"n": 1}, map[string]any{"n": nil}, map[string]any{}}},
			map[string]any{"name": "two\tcells\nor lines", "count": 1e21, "stale": false},
			map[string]any{},
		},
	}
	one := map[string]any{"apiVersion": "istio-cni/v1", "kind": "Item", "name": "web", "parts": []any{"a"}}
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "columns")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "custom-columns-file=" + path
	}
	formats := []string{
		"custom-columns=NAME:.name", "custom-columns=NAME:name", "custom-columns=NAME:{.name}", "custom-columns=NAME:{name}",
		"custom-columns=N:.name,C:.count,S:.stale", "custom-columns=L:.labels,A:.labels.app", `custom-columns=D:.labels.a\.b/c`, `custom-columns=D:.labels['a\.b/c']`,
		"custom-columns=P:.parts,P0:.parts[0],PX:.parts[*],P9:.parts[9]", "custom-columns=D:.deep[*].n,E:.empty,N:.null", "custom-columns=D:.deep[?(@.n==1)].n",
		"custom-columns=X:.nothing.at.all", "custom-columns=X:..n", "custom-columns=X:{}", "custom-columns=X:", "custom-columns=:.name",
		"custom-columns=X:.items", "custom-columns=KIND:.kind,API:.apiVersion",
		"custom-columns", "custom-columns=", "custom-columns=NAME", "custom-columns=NAME:.a,", "custom-columns=NAME:{.a", "custom-columns=NAME:.a}", "custom-columns=A:B:C",
		"custom-columnsNAME:.name", "custom-column=A:.a", "json", "",
		file("NAME COUNT\n.name .count\n"), file("NAME\t  COUNT\n{.name}\t{count}\nmore\n"), file("NAME\n"), file(""), file("A B\n.a\n"), file("\n\n"), file("A\n{.a\n"),
		"custom-columns-file", "custom-columns-file=", "custom-columns-file=/nonexistent/contoso",
	}
	for _, format := range formats {
		for _, noHeaders := range []bool{false, true} {
			ours, ok, err := newColumnsPrinter(format, noHeaders)
			theirs, theirErr := (&get.CustomColumnsPrintFlags{NoHeaders: noHeaders}).ToPrinter(format)
			if unknown := isUnknown(theirErr); ok == unknown || ok && (err == nil) != (theirErr == nil) {
				t.Errorf("%q: is one of ours %v, %v; kubectl: %v", format, ok, err, theirErr)
			}
			if !ok || err != nil || theirErr != nil {
				continue
			}
			for _, answer := range []any{answer, one} {
				if diff := cmp.Diff(columnsOf(t, theirs, answer), columnsOf(t, ours, answer)); diff != "" {
					t.Errorf("%q, no headers %v (-kubectl +ours):\n%s", format, noHeaders, diff)
				}
			}
		}
	}
}

func isUnknown(err error) bool { return genericclioptions.IsNoCompatiblePrinterError(err) }

func columnsOf(t *testing.T, printer printers.ResourcePrinter, answer any) string {
	t.Helper()
	object, err := toObject(answer)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := printer.PrintObj(object, &b); err != nil {
		b.WriteString("error: " + err.Error())
	}
	return b.String()
}

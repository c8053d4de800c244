package output

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
)

type item struct {
	metav1.TypeMeta `json:",inline"`
	Name            string            `json:"name"`
	Labels          map[string]string `json:"labels,omitempty"`
	Stale           bool              `json:"stale"`
	Count           int64             `json:"count"`
}

type list struct {
	metav1.TypeMeta `json:",inline"`
	Items           []item `json:"items"`
}

// small is an answer of two items.
func small() list {
	one := metav1.TypeMeta{APIVersion: "istio-cni/v1", Kind: "Item"}
	return list{
		TypeMeta: metav1.TypeMeta{APIVersion: "istio-cni/v1", Kind: "ItemList"},
		Items:    []item{{one, "web", map[string]string{"app": "web"}, true, 9007199254740993}, {one, "契約", nil, false, 0}},
	}
}

// flags parses a command line of a command that has the formats for people
// table, wide and name.
func flags(t *testing.T, args ...string) *Flags {
	t.Helper()
	f := New(Table, Wide, Name)
	cmd := &cobra.Command{Use: "it"}
	f.AddTo(cmd)
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return f
}

func printed(t *testing.T, f *Flags, answer any) string {
	t.Helper()
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Print(&b, answer); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFormatsForPrograms(t *testing.T) {
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "template")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const asJSON = `{
    "apiVersion": "istio-cni/v1",
    "items": [
        {
            "apiVersion": "istio-cni/v1",
            "count": 9007199254740993,
            "kind": "Item",
            "labels": {
                "app": "web"
            },
            "name": "web",
            "stale": true
        },
        {
            "apiVersion": "istio-cni/v1",
            "count": 0,
            "kind": "Item",
            "name": "契約",
            "stale": false
        }
    ],
    "kind": "ItemList"
}
`
	const asYAML = `apiVersion: istio-cni/v1
items:
- apiVersion: istio-cni/v1
  count: 9007199254740993
  kind: Item
  labels:
    app: web
  name: web
  stale: true
- apiVersion: istio-cni/v1
  count: 0
  kind: Item
  name: 契約
  stale: false
kind: ItemList
`
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"json", []string{"-o", "json"}, asJSON},
		{"yaml", []string{"--output=yaml"}, asYAML},
		{"jsonpath", []string{"-o", `jsonpath={range .items[*]}{.name}={.stale}{"\n"}{end}`}, "web=true\n契約=false\n"},
		{"jsonpath with a condition", []string{"-o", `jsonpath={.items[?(@.stale==true)].name}`}, "web"},
		{"jsonpath of what is not there", []string{"-o", `jsonpath={.items[*].nothing}`}, ""},
		{"jsonpath-file", []string{"-o", "jsonpath-file=" + file(`{.items[*].name}`)}, "web 契約"},
		{"jsonpath-as-json", []string{"-o", `jsonpath-as-json={.items[*].name}`}, "[\n    \"web\",\n    \"契約\"\n]\n"},
		{"go-template", []string{"-o", `go-template={{range .items}}{{.name}} {{end}}`}, "web 契約 "},
		{"go-template by --template", []string{"-o", "go-template", "--template", `{{len .items}}`}, "2"},
		{"go-template-file", []string{"-o", "go-template-file=" + file(`{{.kind}}`)}, "ItemList"},
		{"custom-columns", []string{"-o", "custom-columns=NAME:.name,APP:.labels.app"}, "NAME   APP\nweb    web\n契約     <none>\n"},
		{"custom-columns without headers", []string{"-o", "custom-columns=NAME:.name,STALE:.stale", "--no-headers"}, "web   true\n契約    false\n"},
		{"custom-columns-file", []string{"-o", "custom-columns-file=" + file("NAME STALE\n.name .stale\n")}, "NAME   STALE\nweb    true\n契約     false\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := flags(t, test.args...)
			if f.Human() {
				t.Error("taken for a format for people")
			}
			if diff := cmp.Diff(test.want, printed(t, f, small())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOneObject(t *testing.T) {
	answer := small().Items[0]
	for format, want := range map[string]string{
		"jsonpath={.name}":          "web",
		"custom-columns=N:.name":    "N\nweb\n",
		"go-template={{.kind}}":     "Item",
		"jsonpath={.labels['app']}": "web",
	} {
		if got := printed(t, flags(t, "-o", format), answer); got != want {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
}

func TestFormatsForPeople(t *testing.T) {
	for _, args := range [][]string{nil, {"-o", ""}, {"-o", "table"}, {"-o", "wide"}, {"-o", "name"}} {
		f := flags(t, args...)
		if err := f.Validate(); err != nil || !f.Human() {
			t.Errorf("%q: human %v, %v", args, f.Human(), err)
		}
	}
}

func TestBadFormatsAreUsageErrors(t *testing.T) {
	for _, test := range []struct{ format, want string }{
		{"xml", "--output xml: use one of table, wide, name, json, yaml"},
		{"tables", "use one of"},
		{"jsonpath", "--output: "},
		{"jsonpath=", "--output: "},
		{"jsonpath={.items[", "--output: "},
		{"jsonpath-file=/nonexistent/contoso", "--output: "},
		{"go-template", "--output: "},
		{"go-template={{.x", "--output: "},
		{"custom-columns", "--output: "},
		{"custom-columns=", "--output: "},
		{"custom-columns=NAME", "--output: "},
		{"custom-columns=NAME:{.a", "--output: "},
		{"custom-columns-file=/nonexistent/contoso", "--output: "},
	} {
		t.Run(test.format, func(t *testing.T) {
			err := flags(t, "-o", test.format).Validate()
			if fail.ExitCode(err) != fail.ExitUsage || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v (exit code %d), want %q", err, fail.ExitCode(err), test.want)
			}
		})
	}
	// A command has the formats for people that it says it has, and no others.
	only := New(Table)
	only.AddTo(&cobra.Command{Use: "it"})
	for _, format := range []string{"wide", "name"} {
		only.Format = format
		if err := only.Validate(); fail.ExitCode(err) != fail.ExitUsage || strings.Contains(err.Error(), "table, "+format) {
			t.Errorf("%s: got %v", format, err)
		}
	}
}

func TestNoHeadersGoesWithTables(t *testing.T) {
	for _, test := range []struct {
		human []string
		want  bool
	}{
		{[]string{Table}, false},
		{[]string{Table, Wide}, true},
	} {
		cmd := &cobra.Command{Use: "it"}
		New(test.human...).AddTo(cmd)
		if got := cmd.Flags().Lookup("no-headers") != nil; got != test.want {
			t.Errorf("%v: --no-headers %v, want %v", test.human, got, test.want)
		}
	}
}

type closedPipe struct{}

var errClosed = errors.New("closed pipe")

func (closedPipe) Write([]byte) (int, error) { return 0, errClosed }

func TestAnswersThatCannotBePrinted(t *testing.T) {
	if err := flags(t, "-o", "json").Print(closedPipe{}, small()); !errors.Is(err, errClosed) || !strings.HasPrefix(err.Error(), "cannot print the answer: ") {
		t.Errorf("closed pipe: got %v", err)
	}
	for name, answer := range map[string]any{
		"no kind":  struct{ Name string }{"x"},
		"not JSON": func() {},
	} {
		if err := flags(t, "-o", "json").Print(&bytes.Buffer{}, answer); err == nil || !strings.HasPrefix(err.Error(), "cannot print the answer: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := flags(t, "-o", "xml").Print(&bytes.Buffer{}, small()); fail.ExitCode(err) != fail.ExitUsage {
		t.Errorf("not validated: got %v", err)
	}
}

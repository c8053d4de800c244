// Package output is the flag -o: kubectl's output formats for our answers.
package output

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
)

// Formats for people, and the one that lists names.
const (
	Table = "table"
	Wide  = "wide"
	Name  = "name"
)

// Flags are -o and what belongs to it.
type Flags struct {
	Format    string
	NoHeaders bool

	human     []string
	data      *genericclioptions.JSONYamlPrintFlags
	templates *genericclioptions.KubeTemplatePrintFlags
}

// New makes the flags of a command that has the given formats for people, beside
// those for programs.
func New(human ...string) *Flags {
	return &Flags{
		human: human, data: genericclioptions.NewJSONYamlPrintFlags(), templates: genericclioptions.NewKubeTemplatePrintFlags(),
	}
}

// AddTo adds the flags to a command.
func (f *Flags) AddTo(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.Format, "output", "o", "", "Output format: "+strings.Join(f.formats(), ", "))
	if f.has(Wide) {
		cmd.Flags().BoolVar(&f.NoHeaders, "no-headers", false, "Leave out the table's header")
	}
	f.templates.AddFlags(cmd)
}

func (f *Flags) formats() []string {
	formats := append([]string{}, f.human...)
	return append(formats, "json", "yaml", "jsonpath=…", "jsonpath-file=…", "go-template=…", "go-template-file=…", "custom-columns=…", "custom-columns-file=…")
}

func (f *Flags) has(format string) bool {
	for _, h := range f.human {
		if h == format {
			return true
		}
	}
	return false
}

// Human reports whether the answer is for people; formats for programs are
// printed by Print.
func (f *Flags) Human() bool { return f.Format == "" || f.has(f.Format) }

// Validate says what is wrong with the flags before anything is done.
func (f *Flags) Validate() error {
	if f.Human() {
		return nil
	}
	_, err := f.printer()
	return err
}

// Print writes an answer in a format for programs.
func (f *Flags) Print(w io.Writer, answer any) error {
	printer, err := f.printer()
	if err != nil {
		return err
	}
	object, err := toObject(answer)
	if err != nil {
		return fail.To("print the answer", err)
	}
	return fail.To("print the answer", printer.PrintObj(object, w))
}

func (f *Flags) printer() (printers.ResourcePrinter, error) {
	format := f.Format
	if printer, err := f.data.ToPrinter(format); !genericclioptions.IsNoCompatiblePrinterError(err) {
		return printer, usage(err)
	}
	if printer, err := f.templates.ToPrinter(format); !genericclioptions.IsNoCompatiblePrinterError(err) {
		return printer, usage(err)
	}
	if printer, ok, err := newColumnsPrinter(format, f.NoHeaders); ok {
		return printer, usage(err)
	}
	return nil, fail.Usage("--output %s: use one of %s", format, strings.Join(f.formats(), ", "))
}

func usage(err error) error {
	if err == nil {
		return nil
	}
	return fail.Usage("--output: %w", err)
}

// toObject brings an answer into the form that kubectl's printers take. Lists
// become lists to them, so that custom columns print a row for each item.
func toObject(answer any) (runtime.Object, error) {
	text, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	object, err := runtime.Decode(unstructured.UnstructuredJSONScheme, text)
	if err != nil {
		return nil, fmt.Errorf("the answer has no apiVersion and kind: %w", err)
	}
	return object, nil
}

// Package cmd is the command tree.
package cmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/completion"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/describe"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/enable"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/explain"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/feature"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/label"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/pods"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/restart"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/revisions"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/status"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/troubleshoot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/version"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// DisplayName is what the program is called by those who use it.
const DisplayName = "kubectl istio-cni"

// New makes the command tree.
func New(f *factory.Factory) *cobra.Command {
	colour := "auto"
	root := &cobra.Command{
		Use:   "kubectl-istio_cni",
		Short: "Switch AKS's Istio add-on to the CNI node agent, and prove it",
		Long: `Switch the Istio add-on of an AKS cluster between privileged init containers and
the CNI node agent, restart what is stale, and prove that no pod of the mesh
carries NET_ADMIN or NET_RAW any more.

It works on the current kube context and finds the cluster's Azure resource by
itself.`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: DisplayName},
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return f.Terminal.SetColour(colour)
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &fail.Error{Cause: err, Code: fail.ExitUsage, Remedy: "see `" + cmd.CommandPath() + " --help`"}
	})
	root.SetIn(f.Terminal.In)
	root.SetOut(f.Terminal.Out)
	root.SetErr(f.Terminal.Err)
	root.CompletionOptions.DisableDefaultCmd = true

	f.Kube.AddFlags(root.PersistentFlags())
	root.PersistentFlags().StringVar(&colour, "color", colour, "Use colour: "+strings.Join(terminal.ColourModes(), ", "))
	addVerbosity(root)

	addGroup(root, "The switch:", status.New(f), enable.NewEnable(f), enable.NewDisable(f))
	addGroup(root, "Workloads:", pods.New(f), label.New(f), restart.New(f))
	addGroup(root, "Diagnosis:", check.New(f), troubleshoot.New(f), describe.New(f), snapshot.New(f), explain.New(f))
	addGroup(root, "Azure:", revisions.New(f), feature.New(f))
	addGroup(root, "Other:", completion.New(f), version.New(f), newOptions())
	root.SetUsageTemplate(usageTemplate)
	usageErrors(root)
	return root
}

// addVerbosity adds klog's -v, which logs the requests to the API server.
func addVerbosity(root *cobra.Command) {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	klog.InitFlags(flags)
	v := flags.Lookup("v")
	v.Usage = "Log level; from 6 on requests to the API server are logged"
	root.PersistentFlags().AddGoFlag(v)
}

func addGroup(root *cobra.Command, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, command := range commands {
		command.GroupID = title
		root.AddCommand(command)
	}
}

// usageTemplate is cobra's, without the flags that every command has: kubectl
// keeps those in a command of their own.
const usageTemplate = `Usage:
{{- if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{end}}
{{- if .HasExample}}

Examples:
{{.Example}}{{end}}
{{- if .HasAvailableSubCommands}}{{$commands := .Commands}}
{{- if .Groups}}{{range $group := .Groups}}

{{.Title}}{{range $commands}}{{if (and (eq .GroupID $group.ID) .IsAvailableCommand)}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}
{{- else}}

Commands:{{range $commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{end}}
{{- if and .HasParent .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}

{{if .HasAvailableSubCommands}}"{{.CommandPath}} COMMAND --help" tells more about a command.
{{end}}"{{.Root.CommandPath}} options" lists the flags that every command has.
`

// newOptions is kubectl's way of keeping the flags that every command has out of
// each command's help.
func newOptions() *cobra.Command {
	return &cobra.Command{
		Use:   "options",
		Short: "List the flags that every command has",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), cmd.InheritedFlags().FlagUsagesWrapped(80))
			return err
		},
	}
}

// usageErrors makes cobra's own complaints about arguments usage errors.
func usageErrors(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return &fail.Error{Cause: err, Code: fail.ExitUsage, Remedy: "see `" + cmd.CommandPath() + " --help`"}
			}
			return nil
		}
	}
	for _, child := range cmd.Commands() {
		usageErrors(child)
	}
}

// Execute runs the program and returns its exit code.
func Execute(ctx context.Context, f *factory.Factory, args []string) int {
	root := New(f)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return fail.ExitOK
	}
	printError(f.Terminal, err)
	return fail.ExitCode(err)
}

// printError says what failed and what to do next.
func printError(t *terminal.Terminal, err error) {
	if errors.Is(err, context.Canceled) && fail.Remedy(err) == "" {
		t.Say("Interrupted.")
		return
	}
	t.Say("error: %s", indented(err))
	if remedy := fail.Remedy(err); remedy != "" {
		t.Say("  -> %s", remedy)
	}
}

// indented puts each of several joined errors on a line of its own.
func indented(err error) string {
	return strings.ReplaceAll(fmt.Sprint(err), "\n", "\n       ")
}

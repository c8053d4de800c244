// Package explain is the command explain.
package explain

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/report"
)

// New makes the command.
func New(f *factory.Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [CHECK]",
		Short: "Explain a check: symptom, cause and remedy",
		Long: `Explain what a check looks for, why that happens and what to do about it.
Without a check, list them all. Nothing is read from a cluster.`,
		Example: `  # What does ICNI203 mean?
  kubectl istio-cni explain ICNI203

  # All checks
  kubectl istio-cni explain`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return ids(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return report.RuleTable(check.Rules()).Write(f.Terminal.Out, f.Terminal)
			}
			rule, ok := check.ByID(args[0])
			if !ok {
				return &fail.Error{
					Attempt: "explain " + args[0], Cause: fail.Usage("there is no such check"), Remedy: "see `kubectl istio-cni explain` for all",
				}
			}
			return report.Explain(f.Terminal.Out, rule, f.Terminal)
		},
	}
}

// ids for completion, with what they are about.
func ids() []string {
	var all []string
	for _, rule := range check.Rules() {
		all = append(all, strings.Join([]string{rule.ID, rule.Title}, "\t"))
	}
	return all
}

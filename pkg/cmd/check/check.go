// Package check is the command check.
package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	engine "github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/output"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/report"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Formats besides those for programs.
const (
	text  = "text"
	short = "short"
	junit = "junit"
)

// Values of --fail-on.
const (
	failOnError   = "error"
	failOnWarning = "warning"
	failOnNever   = "never"
)

// Options are the command's.
type Options struct {
	Factory    *factory.Factory
	Output     *output.Flags
	From       factory.FromFlag
	Everywhere factory.EverywhereFlag
	Selection  engine.Selection
	FailOn     string

	rules []*engine.Rule
}

// New makes the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{Factory: f, Output: output.New(text, output.Table, short, junit)}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Find out what is wrong with redirection, and what to do about it",
		Long: `Look for every known way in which redirection and injection fail, and show what
was found by its root cause, with evidence, the probable cause and the remedy.

A check whose inputs could not be read is unknown, which is never taken for ok.
The exit code is 3 if an error was found (critical or high), 4 with
--fail-on=warning if the worst is a warning (medium) or something is unknown,
and 1 if a check that could have been an error is unknown. It is the same for
every output format.`,
		Example: `  # Everything, in all namespaces
  kubectl istio-cni check

  # Is this cluster ready for the CNI node agent?
  kubectl istio-cni check --pre

  # In a pipeline, without an Azure sign-in
  kubectl istio-cni check --skip azure --fail-on warning -o junit > checks.xml

  # One check, on a colleague's snapshot
  kubectl istio-cni check --only ICNI203 --from contoso-aks.json.gz`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(); err != nil {
				return err
			}
			return o.run(cmd)
		},
	}
	o.Output.AddTo(cmd)
	o.Everywhere.AddTo(cmd)
	o.From.AddTo(cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&o.Selection.Only, "only", nil, "Make only these checks: ids or areas, such as ICNI203,nodes")
	flags.StringSliceVar(&o.Selection.Skip, "skip", nil, "Leave out these checks: ids or areas")
	flags.BoolVar(&o.Selection.Pre, "pre", false, "Make only the checks that matter before enabling")
	flags.StringVar(&o.FailOn, "fail-on", failOnError, "What makes the exit code other than 0: "+strings.Join(failOns(), ", "))
	f.AddAzureFlags(cmd)
	return cmd
}

func failOns() []string { return []string{failOnError, failOnWarning, failOnNever} }

func (o *Options) complete() error {
	if err := o.Output.Validate(); err != nil {
		return err
	}
	if !slices.Contains(failOns(), o.FailOn) {
		return fail.Usage("--fail-on %s: use one of %s", o.FailOn, strings.Join(failOns(), ", "))
	}
	var err error
	if o.rules, err = engine.Select(o.Selection); err != nil {
		return fail.Usage("--only, --skip: %w", err)
	}
	if len(o.rules) == 0 {
		return fail.Usage("--only, --skip and --pre leave no check")
	}
	return nil
}

func (o *Options) run(cmd *cobra.Command) error {
	s, err := o.observe(cmd)
	if err != nil {
		return err
	}
	result, err := engine.Run(s, o.rules)
	if err != nil {
		return fail.To("judge the cluster", err)
	}
	if err := o.print(s, result); err != nil {
		return err
	}
	return o.verdict(result)
}

func (o *Options) observe(cmd *cobra.Command) (*snapshot.Snapshot, error) {
	if o.From.Given() {
		return o.From.Load(o.Factory)
	}
	observation, err := o.Factory.Diagnose(cmd.Context(), o.Everywhere.Namespace(cmd, o.Factory), o.rules)
	if err != nil {
		return nil, err
	}
	return observation.Snapshot, nil
}

func (o *Options) print(s *snapshot.Snapshot, result *engine.Result) error {
	t := o.Factory.Terminal
	switch o.Output.Format {
	case "", text:
		return report.Findings(t.Out, result, t)
	case output.Table, short:
		if err := o.printLines(result); err != nil {
			return err
		}
		t.Say("%s", report.Summary(result))
		return nil
	case junit:
		return report.CheckJUnit(t.Out, s, result, o.fails)
	}
	return o.Output.Print(t.Out, report.NewCheckJSON(s, result))
}

// printLines prints a line for each finding.
func (o *Options) printLines(result *engine.Result) error {
	t := o.Factory.Terminal
	if o.Output.Format == short {
		return report.CheckShort(t.Out, result)
	}
	if table := report.CheckTable(result); len(table.Rows) > 0 {
		return table.Write(t.Out, t)
	}
	return nil
}

// fails reports whether a finding of that severity makes the command fail.
func (o *Options) fails(severity engine.Severity) bool {
	switch o.FailOn {
	case failOnError:
		return isError(severity)
	case failOnWarning:
		return isError(severity) || severity == engine.Medium
	}
	return false
}

func isError(severity engine.Severity) bool {
	return severity == engine.Critical || severity == engine.High
}

// verdict is the exit code's error.
func (o *Options) verdict(result *engine.Result) error {
	errs := result.Findings(engine.Critical) + result.Findings(engine.High)
	warnings, undecided := result.Findings(engine.Medium), result.Undecided()
	switch {
	case o.FailOn == failOnNever:
		return nil
	case errs > 0:
		return fail.NotAsWanted("not as it should be: %s", count(errs, "error"))
	case o.FailOn == failOnWarning && warnings > 0:
		return &fail.Error{Cause: fmt.Errorf("not as it should be: %s", count(warnings, "warning")), Code: fail.ExitWarnings}
	case o.FailOn == failOnWarning && undecided > 0:
		return &fail.Error{Cause: fmt.Errorf("%s could not be decided", count(undecided, "check")), Remedy: unknownRemedy, Code: fail.ExitWarnings}
	case undecidedErrors(result) > 0:
		return &fail.Error{
			Attempt: "decide " + count(undecidedErrors(result), "check"), Cause: errors.New("what they need could not be read"), Remedy: unknownRemedy,
		}
	}
	return nil
}

const unknownRemedy = "see above for the permissions that it takes, or leave them out with --skip"

// undecidedErrors counts the unknown checks that could have been errors.
func undecidedErrors(result *engine.Result) int {
	n := 0
	for i := range result.Reports {
		if r := &result.Reports[i]; r.Outcome == engine.Cannot && isError(r.Severity) {
			n++
		}
	}
	return n
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/plan"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// RestartPlan shows what a restart will do, and what it leaves alone and why.
func RestartPlan(w io.Writer, p *plan.Restart, term *terminal.Terminal) error {
	if len(p.Items) > 0 {
		table := &Table{Header: []string{"NAMESPACE", "RESTART", "STALE", "WHY", "WHAT IT HURTS"}}
		for _, item := range p.Items {
			table.Rows = append(table.Rows, []Cell{
				{Text: item.Workload.Namespace}, {Text: item.Workload.String()}, {Text: fmt.Sprintf("%d/%d", item.Stale, item.Pods)},
				{Text: item.Reason}, {strings.Join(item.Hurts, "; "), terminal.Warn},
			})
		}
		if err := table.Write(w, term); err != nil {
			return err
		}
	}
	if len(p.Skipped) == 0 {
		return nil
	}
	if len(p.Items) > 0 {
		if _, err := io.WriteString(w, "\n"); err != nil {
			return err
		}
	}
	table := &Table{Header: []string{"NAMESPACE", "NOT RESTARTED", "WHY"}}
	for _, skipped := range p.Skipped {
		table.Add(skipped.Workload.Namespace, skipped.Workload.String(), skipped.Reason)
	}
	return table.Write(w, term)
}

// Diff shows a unified diff.
func Diff(w io.Writer, diff string, term *terminal.Terminal) error {
	for line := range strings.Lines(diff) {
		line = terminal.Clean(line)
		switch {
		case strings.HasPrefix(line, "+"):
			line = term.Paint(terminal.Good, strings.TrimSuffix(line, "\n")) + "\n"
		case strings.HasPrefix(line, "-"):
			line = term.Paint(terminal.Bad, strings.TrimSuffix(line, "\n")) + "\n"
		}
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
	}
	return nil
}

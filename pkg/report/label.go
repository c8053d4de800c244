package report

import (
	"io"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/plan"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// LabelPlan shows which labels are to be changed.
func LabelPlan(w io.Writer, p *plan.Label, term *terminal.Terminal) error {
	table := &Table{Header: []string{"NAMESPACE", "NOW", "THEN"}}
	for _, step := range p.Steps {
		now := ""
		if step.Previous != "" {
			now = mesh.RevisionLabel + "=" + step.Previous
		}
		if step.Legacy != "" && now != "" {
			now += ", "
		}
		table.Add(step.Namespace, orNone(now+step.Legacy), mesh.RevisionLabel+"="+step.Value)
	}
	return table.Write(w, term)
}

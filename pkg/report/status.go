package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/status"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// StatusJSON is the JSON answer of status.
type StatusJSON struct {
	metav1.TypeMeta `json:",inline"`
	*status.Status
}

// NewStatusJSON is the JSON answer of status.
func NewStatusJSON(s *status.Status) StatusJSON {
	return StatusJSON{metav1.TypeMeta{APIVersion: APIVersion, Kind: "Status"}, s}
}

// mostRows is how many namespaces or nodes the status screen names.
const mostRows = 12

// Status writes the status screen.
func Status(w io.Writer, s *status.Status, term *terminal.Terminal) error {
	screen := &screen{term: term}
	screen.cluster(s)
	screen.mechanism(s)
	screen.agent(s.Agent)
	screen.namespaces(s)
	screen.workloads(s)
	screen.unknown(s.Unknown)
	screen.next(s.Next)
	_, err := io.WriteString(w, screen.String())
	return err
}

// screen is text with a margin of titles.
type screen struct {
	strings.Builder
	term *terminal.Terminal
}

const margin = 12

// line writes a line; text may be painted, so it must be clean.
func (s *screen) line(title, text string) {
	fmt.Fprintf(s, "%s%s%s\n", s.term.Paint(terminal.Bold, title), strings.Repeat(" ", margin-len(title)), text)
}

// paragraph writes text of any length in one colour, wrapped to the terminal.
func (s *screen) paragraph(title, text string, colour terminal.Colour) {
	for _, line := range terminal.Wrap(terminal.CleanLine(text), s.term.Width-margin) {
		s.line(title, s.term.Paint(colour, line))
		title = ""
	}
}

func (s *screen) cluster(st *status.Status) {
	s.line("Context", terminal.CleanLine(st.Context.Name+"   "+st.Context.Server))
	version := strings.TrimPrefix(st.KubernetesVersion.Value, "v")
	if st.Cluster.State != snapshot.Read {
		if version != "" {
			s.line("Cluster", "Kubernetes "+terminal.CleanLine(version))
		}
		return
	}
	c := st.Cluster.Value
	parts := []string{c.Location, "Kubernetes " + c.KubernetesVersion, c.PowerState, c.ProvisioningState}
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	s.line("Cluster", terminal.CleanLine(st.Identity.Value.Name+"   "+strings.Join(parts, " · ")))
	id := st.Identity.Value
	s.line("", s.term.Paint(terminal.Dim, terminal.CleanLine("resource group "+id.ResourceGroup)))
	s.line("", s.term.Paint(terminal.Dim, terminal.CleanLine("subscription "+id.SubscriptionID)))
	s.line("Mesh", meshLine(c))
}

func meshLine(c snapshot.Cluster) string {
	switch {
	case c.MeshMode == "":
		return "the Istio add-on is not enabled"
	case c.MeshMode != "Istio":
		return terminal.CleanLine("mode " + c.MeshMode)
	}
	if len(c.Revisions) == 1 {
		return terminal.CleanLine("Istio add-on, revision " + c.Revisions[0])
	}
	return terminal.CleanLine("Istio add-on, revisions " + strings.Join(c.Revisions, " and "))
}

func (s *screen) mechanism(st *status.Status) {
	var words []string
	if st.Cluster.State == snapshot.Read && st.Cluster.Value.MeshMode == "Istio" {
		azure := st.Cluster.Value.Mechanism
		words = append(words, fmt.Sprintf("%s (Azure, api-version %s)", s.paintMechanism(azure), st.Cluster.Value.APIVersion))
	}
	for _, revision := range slices.Sorted(maps.Keys(st.Injectors.Value)) {
		words = append(words, fmt.Sprintf("%s (injector of %s)", s.paintMechanism(st.Injectors.Value[revision]), terminal.CleanLine(revision)))
	}
	if len(words) == 0 && st.Cluster.State != snapshot.Read {
		words = []string{mesh.Unknown.String()}
	}
	for i, word := range words {
		title := ""
		if i == 0 {
			title = "Mechanism"
		}
		s.line(title, word)
	}
	if st.Feature.State == snapshot.Read {
		s.line("Feature", terminal.CleanLine("IstioCNIPreview "+st.Feature.Value+", needed by this api-version"))
	}
}

func (s *screen) paintMechanism(m mesh.Mechanism) string {
	colour := terminal.Warn
	if m == mesh.CNIChaining {
		colour = terminal.Good
	}
	return s.term.Paint(colour, terminal.CleanLine(m.String()))
}

func (s *screen) agent(agent status.Agent) {
	switch agent.State {
	case snapshot.Absent:
		s.line("Node agent", "none")
	case snapshot.Read:
		colour := terminal.Good
		if agent.Ready < agent.Wanted {
			colour = terminal.Bad
		}
		nodes := "Linux nodes"
		if !agent.ByNode {
			nodes = "nodes that it is wanted on"
		}
		s.line("Node agent", s.term.Paint(colour, fmt.Sprintf("ready on %d of %d %s", agent.Ready, agent.Wanted, nodes)))
	default:
		s.line("Node agent", "unknown")
	}
	for i, node := range agent.Nodes {
		if i == mostRows {
			s.line("", fmt.Sprintf("… and %d more nodes", len(agent.Nodes)-mostRows))
			break
		}
		s.line("", terminal.CleanLine(node.Name+": "+node.Reason))
	}
}

func (s *screen) namespaces(st *status.Status) {
	table := &Table{}
	shown := attentionFirst(st.Namespaces)
	for i, ns := range shown {
		if i == mostRows {
			break
		}
		table.Add(ns.Name, orNone(ns.Label), workloadText(st, ns.Workloads), ns.Problem)
	}
	switch {
	case len(shown) == 0 && st.NamespacesRead:
		table.Add("none in the mesh")
	case len(shown) == 0:
		table.Add("unknown")
	}
	var b strings.Builder
	// Writing to a Builder does not fail.
	_ = table.Write(&b, s.term)
	title := "Namespaces"
	for line := range strings.Lines(b.String()) {
		s.line(title, strings.TrimRight(line, " \n"))
		title = ""
	}
	if len(shown) > mostRows {
		s.line("", fmt.Sprintf("… and %d more namespaces", len(shown)-mostRows))
	}
}

// attentionFirst puts namespaces with something to do before the others, so that
// a long list does not hide them.
func attentionFirst(namespaces []status.Namespace) []status.Namespace {
	calm := func(ns status.Namespace) int {
		if ns.Problem != "" || ns.Workloads.Stale > 0 || ns.Workloads.Total() > ns.Workloads.ByState[mesh.Secured]+ns.Workloads.ByState[mesh.Exempt] {
			return 0
		}
		return 1
	}
	sorted := slices.Clone(namespaces)
	slices.SortStableFunc(sorted, func(a, b status.Namespace) int { return calm(a) - calm(b) })
	return sorted
}

func (s *screen) workloads(st *status.Status) {
	text := workloadText(st, st.Workloads)
	if st.Outside > 0 {
		text += s.term.Paint(terminal.Dim, fmt.Sprintf("   (%d outside the mesh)", st.Outside))
	}
	s.line("Workloads", text)
}

// workloadText is a count of workloads, if there was anything to count.
func workloadText(st *status.Status, c status.Count) string {
	if st.PodsRead != snapshot.Read {
		return mesh.Unknown.String()
	}
	return countText(c)
}

func countText(c status.Count) string {
	var parts []string
	for _, state := range mesh.States() {
		if n := c.ByState[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	if c.Stale > 0 {
		parts = append(parts, fmt.Sprintf("%d of them stale", c.Stale))
	}
	if c.StaleUnknown > 0 {
		parts = append(parts, fmt.Sprintf("%d perhaps stale", c.StaleUnknown))
	}
	return strings.Join(parts, ", ")
}

func (s *screen) unknown(list []status.Unknown) {
	title := "Unknown"
	for _, u := range list {
		text := u.What + ": " + u.Reason
		if u.Reason == "" {
			text = u.What + ": " + string(u.State)
		}
		s.paragraph(title, text, terminal.Warn)
		if u.Needs != "" {
			s.paragraph("", "  it takes "+u.Needs, "")
		}
		title = ""
	}
}

func (s *screen) next(next status.Next) {
	s.paragraph("Next", next.Why, "")
	if next.Command != "" {
		s.line("", s.term.Paint(terminal.Bold, terminal.CleanLine(next.Command)))
	}
}

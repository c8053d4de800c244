package report

import (
	"encoding/json"
	"io"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// APIVersion is the version of every JSON answer's schema.
const APIVersion = "istio-cni/v1"

// PodRow is a pod with what is said of it.
type PodRow struct {
	Pod     *mesh.Pod
	Verdict mesh.Verdict
}

// PodColumns says which columns a table of pods has.
type PodColumns struct{ Namespace, Wide, NoHeaders bool }

// Header names the columns.
func (c PodColumns) header() []string {
	if c.NoHeaders {
		return nil
	}
	header := []string{"NAME", "INIT CONTAINER", "CAPABILITIES"}
	if c.Namespace {
		header = append([]string{"NAMESPACE"}, header...)
	}
	if c.Wide {
		header = append(header, "STATE", "STALE", "WORKLOAD", "REVISION", "USER", "SIDECAR", "NODE", "REASON")
	}
	return header
}

// PodTable writes pods as the how-to's command prints them: name, redirect
// container and its capabilities.
func PodTable(w io.Writer, rows []PodRow, columns PodColumns, term *terminal.Terminal) error {
	cells := func(yield func([]Cell) bool) {
		for _, row := range rows {
			if !yield(podCells(row, columns)) {
				return
			}
		}
	}
	return writeTable(w, columns.header(), cells, term)
}

func podCells(row PodRow, columns PodColumns) []Cell {
	pod := row.Pod
	name, capabilities, user := "", "", ""
	if r := pod.Redirect; r != nil {
		name, capabilities = r.Name, r.Capabilities
		if r.RunAsUser != nil {
			user = strconv.FormatInt(*r.RunAsUser, 10)
		}
	}
	colour := stateColour(row.Verdict)
	cells := make([]Cell, 0, 4)
	if columns.Namespace {
		cells = append(cells, Cell{Text: pod.Namespace})
	}
	cells = append(cells, Cell{Text: pod.Name}, Cell{orNone(name), colour}, Cell{Text: orNone(capabilities)})
	if columns.Wide {
		cells = append(cells, Cell{string(row.Verdict.State), colour}, Cell{Text: stale(row.Verdict.Stale)},
			Cell{Text: pod.Workload.String()}, Cell{Text: orNone(pod.Revision)}, Cell{Text: orNone(user)},
			Cell{Text: sidecar(pod)}, Cell{Text: orNone(pod.Node)}, Cell{Text: row.Verdict.Reason})
	}
	return cells
}

func stale(s mesh.Staleness) string {
	switch s {
	case mesh.Stale:
		return "yes"
	case mesh.Fresh:
		return "no"
	default:
		return string(s)
	}
}

func sidecar(pod *mesh.Pod) string {
	switch {
	case !pod.HasProxy:
		return "<none>"
	case pod.Template != "" && !strings.Contains(pod.Template, "sidecar"):
		return pod.Template
	case pod.NativeSidecar:
		return "native"
	}
	return "classic"
}

func stateColour(verdict mesh.Verdict) terminal.Colour {
	switch verdict.State {
	case mesh.Secured:
		if verdict.Stale == mesh.Stale {
			return terminal.Warn
		}
		return terminal.Good
	case mesh.Privileged, mesh.Bypassing:
		return terminal.Bad
	case mesh.NotInjected, mesh.Undecided:
		return terminal.Warn
	default:
		return terminal.Dim
	}
}

// PodRedirection is a pod in the JSON answer.
type PodRedirection struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        ObjectName `json:"metadata"`
	// Redirect is null if the pod has no redirect container.
	Redirect  *RedirectJSON  `json:"redirect"`
	State     mesh.State     `json:"state"`
	Staleness mesh.Staleness `json:"staleness"`
	Reason    string         `json:"reason,omitempty"`
	Workload  mesh.Workload  `json:"workload"`
	Node      string         `json:"node,omitempty"`
	Revision  string         `json:"revision,omitempty"`
	// Sidecar is native or classic; absent without a proxy.
	Sidecar string `json:"sidecar,omitempty"`
	// Privileged lists the containers that may change the pod's network.
	Privileged []string `json:"privileged,omitempty"`
}

// ObjectName names an object in the JSON answer.
type ObjectName struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// RedirectJSON is a redirect container in the JSON answer.
type RedirectJSON struct {
	Name         string          `json:"name"`
	Capabilities json.RawMessage `json:"capabilities,omitempty"`
	RunAsUser    *int64          `json:"runAsUser,omitempty"`
}

// PodRedirectionList is the JSON answer about pods.
type PodRedirectionList struct {
	metav1.TypeMeta `json:",inline"`
	Items           []PodRedirection `json:"items"`
}

// PodList is the JSON answer about pods.
func PodList(rows []PodRow) PodRedirectionList {
	list := PodRedirectionList{
		TypeMeta: metav1.TypeMeta{APIVersion: APIVersion, Kind: "PodRedirectionList"},
		Items:    make([]PodRedirection, 0, len(rows)),
	}
	for _, row := range rows {
		list.Items = append(list.Items, podJSON(row))
	}
	return list
}

func podJSON(row PodRow) PodRedirection {
	pod := row.Pod
	item := PodRedirection{
		TypeMeta: metav1.TypeMeta{APIVersion: APIVersion, Kind: "PodRedirection"},
		Metadata: ObjectName{Name: pod.Name, Namespace: pod.Namespace},
		State:    row.Verdict.State, Staleness: row.Verdict.Stale, Reason: row.Verdict.Reason,
		Workload: pod.Workload, Node: pod.Node, Revision: pod.Revision, Privileged: pod.Privileged,
	}
	if pod.HasProxy {
		item.Sidecar = sidecar(pod)
	}
	if r := pod.Redirect; r != nil {
		item.Redirect = &RedirectJSON{Name: r.Name, Capabilities: json.RawMessage(r.Capabilities), RunAsUser: r.RunAsUser}
	}
	return item
}

// PodNames are the pods as kubectl -o name prints them.
func PodNames(rows []PodRow) []string {
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = "pod/" + row.Pod.Name
	}
	return names
}

package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// PodDescription is the JSON answer of describe.
type PodDescription struct {
	metav1.TypeMeta `json:",inline"`
	*check.PodStory
}

// NewPodDescription is the JSON answer of describe.
func NewPodDescription(story *check.PodStory) PodDescription {
	return PodDescription{metav1.TypeMeta{APIVersion: APIVersion, Kind: "PodDescription"}, story}
}

// DescribePod writes a pod's whole redirection on one screen, as it was at a time.
func DescribePod(w io.Writer, story *check.PodStory, at time.Time, term *terminal.Terminal) error {
	d := &description{screen: screen{term: term}, story: story, at: at}
	d.pod()
	d.injection()
	d.redirect()
	d.failures()
	d.agent()
	d.events()
	d.unknowns()
	p := &page{term: term}
	for _, finding := range story.Findings {
		p.line("", "")
		p.finding(finding)
	}
	if len(story.Findings) == 0 {
		d.line("Checks", term.Paint(terminal.Good, "nothing found"))
	}
	_, err := io.WriteString(w, d.String()+p.String())
	return err
}

type description struct {
	screen

	story *check.PodStory
	at    time.Time
}

// age is how long ago something was.
func (d *description) age(t time.Time) string {
	if t.IsZero() {
		return "at an unknown time"
	}
	return duration.HumanDuration(d.at.Sub(t)) + " ago"
}

func (d *description) pod() {
	pod := &d.story.Pod
	where := "not scheduled to a node"
	if pod.Node != "" {
		where = "on " + pod.Node
	}
	phase := string(pod.Phase)
	if pod.Terminating {
		phase = "Terminating"
	}
	d.line("Pod", terminal.CleanLine(pod.Name+" in "+pod.Namespace))
	d.paragraph("", strings.TrimSpace(fmt.Sprintf("%s %s, created %s", phase, where, d.age(pod.Created))), "")
	d.line("Workload", terminal.CleanLine(pod.Workload.String()))
	verdict := d.story.Verdict
	text := string(verdict.State)
	if verdict.Stale != mesh.Fresh {
		text += ", " + stalenessText(verdict.Stale)
	}
	if verdict.Reason != "" {
		text += ": " + verdict.Reason
	}
	d.paragraph("State", text, stateColour(verdict))
	if len(pod.Privileged) > 0 {
		d.paragraph("Privileged", "may change the network: "+strings.Join(pod.Privileged, ", "), terminal.Bad)
	}
}

func stalenessText(s mesh.Staleness) string {
	if s == mesh.Stale {
		return "stale"
	}
	return "perhaps stale"
}

func (d *description) injection() {
	pod := &d.story.Pod
	switch {
	case pod.HasProxy:
		d.paragraph("Injected", "by revision "+orUnknown(pod.Revision)+", "+sidecar(pod)+" sidecar", "")
	default:
		d.line("Injected", "no")
	}
	if !pod.Recorded && pod.HasProxy {
		d.paragraph("", "the injector's record, annotation "+mesh.StatusAnnotation+", is missing", terminal.Warn)
	}
	switch {
	case !d.story.LabelsKnown:
		d.line("Namespace", "its labels are unknown")
	case len(d.story.NamespaceLabels) == 0:
		d.line("Namespace", "has no label that asks for injection")
	default:
		d.paragraph("Namespace", "labels "+labelText(d.story.NamespaceLabels), "")
	}
	if len(pod.Labels) > 0 {
		d.paragraph("", "the pod's own labels "+labelText(pod.Labels), "")
	}
	d.webhooks()
}

func (d *description) webhooks() {
	if !d.story.InjectorsKnown {
		d.line("Webhook", "which would inject it today is unknown")
		return
	}
	if len(d.story.Injectors) == 0 {
		d.line("Webhook", "none would inject it today")
	}
	title := "Webhook"
	for _, injector := range d.story.Injectors {
		d.paragraph(title, injector.Webhook+" in "+injector.Configuration+", revision "+injector.Revision, "")
		d.paragraph("", "  namespaceSelector "+selectorText(injector.NamespaceSelector), terminal.Dim)
		d.paragraph("", "  objectSelector    "+selectorText(injector.ObjectSelector), terminal.Dim)
		for _, condition := range injector.Conditions {
			d.paragraph("", "  condition "+condition.Name+": "+condition.Expression, terminal.Dim)
		}
		if slices.Contains(d.story.Pod.Undecided, injector.Key()) {
			d.paragraph("", "  its conditions could not be evaluated", terminal.Warn)
		}
		title = ""
	}
	d.line("Mechanism", terminal.CleanLine(d.story.Mechanism.String()+" for new pods"))
}

func selectorText(selector *metav1.LabelSelector) string {
	if selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
		return "(everything)"
	}
	return metav1.FormatLabelSelector(selector)
}

func labelText(labels map[string]string) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, key+"="+labels[key])
	}
	return strings.Join(all, ", ")
}

func orUnknown(text string) string {
	if text == "" {
		return mesh.Unknown.String()
	}
	return text
}

// redirect shows the redirect container's security context, in the YAML that
// `kubectl get pod -o yaml` has.
func (d *description) redirect() {
	redirect := d.story.Pod.Redirect
	if redirect == nil {
		d.line("Redirect", "no redirect container")
		return
	}
	d.line("Redirect", d.term.Paint(stateColour(d.story.Verdict), redirect.Name))
	if redirect.SecurityContext == "" {
		d.line("", "  no securityContext")
		return
	}
	text, err := yaml.JSONToYAML([]byte(redirect.SecurityContext))
	if err != nil {
		text = []byte(redirect.SecurityContext)
	}
	d.line("", "securityContext:")
	for line := range strings.Lines(string(text)) {
		d.line("", "  "+terminal.CleanLine(strings.TrimRight(line, "\n")))
	}
	if misplaced := d.story.Pod.Misplaced; len(misplaced) > 0 {
		d.paragraph("", "not in the injector's order: "+strings.Join(misplaced, ", "), terminal.Warn)
	}
}

func (d *description) failures() {
	title := "Failures"
	for _, failure := range d.story.Pod.Failures {
		text := fmt.Sprintf("%s ended with exit code %d %s, restarted %d times", failure.Container, failure.ExitCode, d.age(failure.Finished), failure.Restarts)
		if failure.Waiting != "" {
			text += ", " + failure.Waiting
		}
		d.paragraph(title, text, terminal.Bad)
		title = ""
	}
}

func (d *description) agent() {
	const title = "Node agent"
	agent := d.story.Agent
	switch {
	case d.story.Pod.Node == "":
	case agent == nil && d.story.Mechanism == mesh.InitContainers:
		d.line(title, "none, and "+mesh.InitContainers.String()+" needs none")
	case agent == nil && (d.story.AgentState == snapshot.Read || d.story.AgentState == snapshot.Absent):
		d.line(title, "none on the pod's node")
	case agent == nil:
		d.line(title, "unknown")
	case agent.Ready:
		d.paragraph(title, agent.Name+", ready for "+strings.TrimSuffix(d.age(agent.ReadySince), " ago"), terminal.Good)
	default:
		text := agent.Name + ", not ready"
		if agent.Waiting != "" {
			text += ": " + agent.Waiting
		}
		d.paragraph(title, text, terminal.Bad)
	}
}

func (d *description) events() {
	title := "Events"
	for _, event := range d.story.Events {
		d.paragraph(title, fmt.Sprintf("%s, %d times, last %s: %s", event.Reason, event.Count, d.age(event.Last), event.Message), "")
		title = ""
	}
	if d.story.EventsState != snapshot.Read && d.story.EventsState != snapshot.Absent {
		d.line("Events", "unknown")
	}
}

func (d *description) unknowns() {
	title := "Unknown"
	for _, unknown := range d.story.Unknown {
		d.paragraph(title, unknown.String(), terminal.Warn)
		title = ""
	}
}

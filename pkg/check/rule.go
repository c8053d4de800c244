package check

import "github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"

// Severity tells how bad a finding is.
type Severity string

// The severities, worst first. Critical and High are errors, Medium is a warning,
// Low is worth knowing.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
)

// Severities lists them, worst first.
func Severities() []Severity { return []Severity{Critical, High, Medium, Low} }

// Area is what a rule is about. The first digit of a rule's id tells it too.
type Area string

// The areas, from the outside in, which is the order in which to mend things.
const (
	AreaAzure      Area = "azure"
	AreaAgent      Area = "agent"
	AreaNodes      Area = "nodes"
	AreaNamespaces Area = "namespaces"
	AreaPods       Area = "pods"
	AreaAdmission  Area = "admission"
)

// Areas lists them in the order of ids.
func Areas() []Area {
	return []Area{AreaAzure, AreaAgent, AreaNodes, AreaNamespaces, AreaPods, AreaAdmission}
}

// Rule is one known way of failing.
type Rule struct {
	// ID is stable, such as ICNI107.
	ID string
	// Title is the symptom in a few words, without a full stop.
	Title    string
	Area     Area
	Severity Severity
	// Pre marks rules that matter before CNIChaining is enabled.
	Pre bool
	// Needs are the parts of a snapshot without which the rule cannot answer.
	Needs []Need

	// Symptom, Detection, Cause and Remedy are the rule's page, in plain
	// sentences: what a person sees, what the rule looks at, why it happens, and
	// what to do.
	Symptom, Detection, Cause, Remedy string
	// Links are pages to read, the best first.
	Links []string

	// logs are the containers whose logs the rule would read, nil for none. They
	// are few: those of pods that already look wrong.
	logs func(*Facts) []snapshot.LogRequest
	// look reports what it finds. It is called only if all Needs are met.
	look func(*Facts, *Report)
}

// ReadsLogs reports whether the rule may ask for the node agent's log.
func (r *Rule) ReadsLogs() bool { return r.logs != nil }

// Need is met if any of its parts was answered.
type Need []PartName

// Object is something in the cluster, or in Azure, that a finding is about.
type Object struct {
	// Kind is such as Pod, Node, DaemonSet, Namespace, Cluster.
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// Step is one thing to do.
type Step struct {
	// Text is a sentence without a full stop; Command can be pasted, and may be
	// empty.
	Text    string `json:"text"`
	Command string `json:"command,omitempty"`
}

// Finding is what a rule found.
type Finding struct {
	// Rule is its id, Title and Area those of the rule.
	Rule  string `json:"rule"`
	Title string `json:"title"`
	Area  Area   `json:"area"`
	// Severity is the rule's unless it said otherwise.
	Severity Severity `json:"severity"`
	// Objects that it is about, the one to look at first at first.
	Objects []Object `json:"objects"`
	// Evidence are facts that were read, a line each.
	Evidence []string `json:"evidence"`
	// Cause is the probable cause: the rule's, unless more is known.
	Cause string `json:"cause"`
	// Remedy is what to do, in order.
	Remedy []Step `json:"remedy"`
	// Fix is set if the program can do it safely.
	Fix *Fix `json:"fix,omitempty"`
	// Root says what has to be mended for this to go away, as a path: the finding
	// with root "agent" explains those with root "agent/NODE", and of two with the
	// same root the earlier rule explains the later. "" explains nothing else.
	Root string `json:"root,omitempty"`
	// Link is the rule's best page.
	Link string `json:"link"`
}

// FixAction is a kind of change that the program can make safely.
type FixAction string

// The safe changes.
const (
	// FixRestart rolls out a Deployment, StatefulSet or DaemonSet anew.
	FixRestart FixAction = "restart"
	// FixDeletePod deletes a pod that a controller makes anew. The pod must still
	// be the one with UID, if that is known.
	FixDeletePod FixAction = "delete pod"
	// FixLabelNamespace changes labels of a namespace.
	FixLabelNamespace FixAction = "label namespace"
)

// Fix is a remedy that the program can apply after asking.
type Fix struct {
	Action FixAction `json:"action"`
	Object Object    `json:"object"`
	// UID of the pod to delete.
	UID string `json:"uid,omitempty"`
	// Set and Remove are labels of the namespace. Labels to be removed carry the
	// value that they are expected to have; one that is to be replaced is in both.
	Set    map[string]string `json:"set,omitempty"`
	Remove map[string]string `json:"remove,omitempty"`
}

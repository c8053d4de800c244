package mesh

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// State is what redirection costs a pod, or why it has none.
type State string

// The states, from the one that most needs attention to the one that least does.
const (
	// Bypassing pods have a proxy but nothing sends traffic to it.
	Bypassing State = "bypassing"
	// Privileged pods have a container that may change the network.
	Privileged State = "privileged"
	// NotInjected pods have no proxy although they should.
	NotInjected State = "uninjected"
	// Undecided pods have no proxy, and whether they should could not be read.
	Undecided State = "unknown"
	// Secured pods are in the mesh and have no such container.
	Secured State = "secured"
	// Exempt pods are in a namespace of the mesh and have, by design or on
	// request, no redirection.
	Exempt State = "exempt"
	// Outside pods have nothing to do with the mesh.
	Outside State = "outside"
)

// States lists all states in order of attention.
func States() []State {
	return []State{Bypassing, Privileged, NotInjected, Undecided, Secured, Exempt, Outside}
}

// Staleness tells whether a restart would change how a pod is redirected.
type Staleness string

// A pod whose staleness could not be decided is never called fresh.
const (
	Fresh          Staleness = "fresh"
	Stale          Staleness = "stale"
	StalenessUnset Staleness = "unknown"
)

// Verdict is what is said of one pod.
type Verdict struct {
	State State     `json:"state"`
	Stale Staleness `json:"staleness"`
	// Reason is a short clause; "" where the state says it all.
	Reason string `json:"reason,omitempty"`
}

// Mesh is what must be known of a mesh to judge its pods. What is unknown is
// left nil or [Unknown]; verdicts then say what can be said without it.
type Mesh struct {
	// Mechanisms tells what each revision's injector gives new pods.
	Mechanisms map[string]Mechanism
	// Default is Azure's word on the mechanism, used where a revision's injector
	// could not be read.
	Default Mechanism
	// Injectors of the cluster, nil if they could not be read.
	Injectors *Injectors
	// NamespaceLabels by namespace, nil if they could not be read.
	NamespaceLabels map[string]map[string]string
}

// MechanismOf is the mechanism that a revision's injector gives new pods.
func (m *Mesh) MechanismOf(revision string) Mechanism {
	if mechanism, ok := m.Mechanisms[revision]; ok && mechanism != Unknown {
		return mechanism
	}
	return m.Default
}

// Judge says how a pod stands.
func (m *Mesh) Judge(pod *Pod) Verdict {
	switch {
	case pod.Phase == corev1.PodSucceeded || pod.Phase == corev1.PodFailed:
		return m.judgeEnded(pod)
	case !pod.HasProxy:
		return m.judgeWithoutProxy(pod)
	}
	verdict := judgeProxied(pod)
	if IsSystemNamespace(pod.Namespace) {
		verdict.Stale = Fresh
		return verdict
	}
	stale, reason := m.staleness(pod)
	if verdict.State == Bypassing && stale == Fresh {
		// Whatever took its redirect container away may do so again, or not.
		stale = StalenessUnset
	}
	verdict.Stale = stale
	if verdict.Reason == "" {
		verdict.Reason = reason
	}
	return verdict
}

// judgeEnded is about pods whose containers will not run again.
func (m *Mesh) judgeEnded(pod *Pod) Verdict {
	asks := pod.HasProxy || AsksForInjection(m.NamespaceLabels[pod.Namespace])
	if !asks || IsSystemNamespace(pod.Namespace) {
		return Verdict{State: Outside, Stale: Fresh}
	}
	return Verdict{State: Exempt, Stale: Fresh, Reason: "has ended"}
}

func judgeProxied(pod *Pod) Verdict {
	switch {
	case len(pod.Privileged) > 0:
		return Verdict{State: Privileged, Reason: privilegeReason(pod)}
	case pod.Redirect != nil:
		return Verdict{State: Secured}
	case pod.Template != "" && !strings.Contains(pod.Template, "sidecar"):
		return Verdict{State: Exempt, Reason: "injected with the template " + pod.Template + ", which has no redirection"}
	case pod.InterceptionMode == "NONE":
		return Verdict{State: Exempt, Reason: "interception mode NONE"}
	case IsSystemNamespace(pod.Namespace):
		return Verdict{State: Exempt, Reason: "part of the add-on"}
	}
	return Verdict{State: Bypassing, Reason: "has " + ProxyContainer + " but no redirect container"}
}

// privilegeReason names what is not Istio's init container, because only that
// one goes away with a restart.
func privilegeReason(pod *Pod) string {
	others := slices.DeleteFunc(slices.Clone(pod.Privileged), func(name string) bool { return name == InitContainer })
	if len(others) == 0 {
		return ""
	}
	if pod.InterceptionMode == "TPROXY" && slices.Equal(others, []string{ProxyContainer}) {
		return "interception mode TPROXY needs NET_ADMIN in " + ProxyContainer
	}
	return "container " + strings.Join(others, ", ") + " may change the network by its own specification"
}

// staleness compares the pod with what it would get today.
func (m *Mesh) staleness(pod *Pod) (Staleness, string) {
	today, reason := m.revisionToday(pod)
	mechanism := m.MechanismOf(pod.Revision)
	switch {
	case pod.Revision == "":
		return StalenessUnset, "the revision that injected it is unknown"
	case reason == "" && today == "":
		return Fresh, "no injector matches it any more; a restart would take it out of the mesh"
	case reason == "" && today != pod.Revision:
		return Stale, fmt.Sprintf("injected by %s, not %s", pod.Revision, today)
	case mechanism.RedirectContainer() == "":
		return StalenessUnset, "the redirection mechanism is unknown"
	case m.Default != Unknown && mechanism != m.Default:
		// Restarted now, it would get what the switch is about to do away with.
		return StalenessUnset, fmt.Sprintf("the injector of %s does not follow Azure's %s yet", pod.Revision, m.Default)
	case pod.Redirect != nil && pod.Redirect.Name != mechanism.RedirectContainer():
		return Stale, "has " + pod.Redirect.Name
	case reason != "":
		return StalenessUnset, reason
	}
	return Fresh, ""
}

// revisionToday is the revision that would inject the pod if it were made now,
// "" for none. A reason says why that cannot be decided.
func (m *Mesh) revisionToday(pod *Pod) (revision, reason string) {
	namespaceLabels, ok := m.NamespaceLabels[pod.Namespace]
	switch {
	case m.Injectors == nil:
		return "", "the injectors are unknown"
	case !ok:
		return "", "the namespace's labels are unknown"
	}
	for i := range m.Injectors.all {
		injector := &m.Injectors.all[i]
		if !injector.matches(namespaceLabels, pod.Labels) || named(pod.Declined, injector) {
			continue
		}
		if named(pod.Undecided, injector) {
			return "", "the match conditions of webhook " + injector.Webhook + " could not be evaluated"
		}
		if revision != "" && injector.Revision != revision {
			return "", "injectors of several revisions match it"
		}
		revision = injector.Revision
	}
	return revision, ""
}

// named reports whether a webhook is among those that are named by their keys.
func named(keys []string, injector *compiledInjector) bool {
	return len(keys) > 0 && slices.Contains(keys, injector.Key())
}

func (m *Mesh) judgeWithoutProxy(pod *Pod) Verdict {
	if IsSystemNamespace(pod.Namespace) {
		return Verdict{State: Outside, Stale: Fresh}
	}
	namespaceLabels, ok := m.NamespaceLabels[pod.Namespace]
	asks := AsksForInjection(namespaceLabels) || asksItself(pod)
	if !ok && !asks {
		return Verdict{State: Undecided, Stale: StalenessUnset, Reason: "the namespace's labels are unknown"}
	}
	if reason := exemption(pod); reason != "" {
		if asks {
			return Verdict{State: Exempt, Stale: Fresh, Reason: reason}
		}
		return Verdict{State: Outside, Stale: Fresh}
	}
	revision, reason := m.revisionToday(pod)
	switch {
	case reason != "" && (asks || m.Injectors != nil):
		return Verdict{State: NotInjected, Stale: StalenessUnset, Reason: reason}
	case revision != "":
		return Verdict{State: NotInjected, Stale: Stale, Reason: "predates the label"}
	case asks && reason == "":
		return Verdict{State: NotInjected, Stale: Fresh, Reason: "it asks for injection, but no injector matches it"}
	}
	return Verdict{State: Outside, Stale: Fresh}
}

// asksItself reports whether the pod's own labels ask for a sidecar.
func asksItself(pod *Pod) bool {
	return pod.Labels[RevisionLabel] != "" || strings.EqualFold(pod.Labels[InjectLabel], "true")
}

// exemption tells why Istio would not inject the pod even if a webhook matches.
func exemption(pod *Pod) string {
	inject := pod.InjectAnnotation
	if label, ok := pod.Labels[InjectLabel]; ok {
		inject = label
	}
	switch {
	case pod.HostNetwork:
		return "uses the host's network"
	case pod.Windows:
		return "runs on Windows"
	case strings.HasPrefix(pod.Node, "virtual-node-"):
		return "runs on a virtual node"
	case strings.EqualFold(inject, "false"):
		return InjectLabel + "=false"
	}
	return ""
}

package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func namespaceRules() []*Rule {
	return []*Rule{legacyLabel(), bothLabels(), danglingRevision(), selectorExcludes(), excludedByAgent()}
}

// labelState is why the pods of a namespace that asks for injection get none.
type labelState int

const (
	labelFine labelState = iota
	labelLegacy
	labelBoth
	labelDangling
	labelExcluded
)

// labelStateOf decides on the one thing that is wrong with a namespace's labels.
// That something is wrong is evaluated with the webhooks' selectors; what it is
// follows from the labels.
func labelStateOf(f *Facts, ns snapshot.Namespace) labelState {
	if mesh.IsSystemNamespace(ns.Name) || !mesh.AsksForInjection(ns.Labels) || len(f.mesh.Injectors.For(ns.Labels, nil)) > 0 {
		return labelFine
	}
	value, revision := ns.Labels[mesh.RevisionLabel]
	_, legacy := ns.Labels[mesh.LegacyInjectionLabel]
	_, served := f.mesh.Injectors.Resolve(value)
	switch {
	case revision && legacy:
		return labelBoth
	case legacy:
		return labelLegacy
	case !served:
		return labelDangling
	}
	return labelExcluded
}

// eachNamespace adds a finding for every namespace whose labels have that fault.
func eachNamespace(f *Facts, r *Report, state labelState, find func(snapshot.Namespace) Finding) {
	for _, ns := range f.Namespaces.Value {
		if labelStateOf(f, ns) != state {
			continue
		}
		finding := find(ns)
		finding.Objects, finding.Root = []Object{NamespaceObject(ns.Name)}, RootNamespace(ns.Name)
		if pods := uninjected(f, ns.Name); pods > 0 {
			finding.Evidence = append(finding.Evidence, podCount(pods)+" of the namespace have no istio-proxy")
		}
		r.Add(finding)
	}
}

// uninjected counts the pods of a namespace that should have a proxy; 0 where
// that is not known.
func uninjected(f *Facts, namespace string) int {
	n := 0
	for pod, verdict := range f.MeshPods() {
		if pod.Namespace == namespace && verdict.State == mesh.NotInjected {
			n++
		}
	}
	return n
}

// labelNeeds are the inputs of rules about labels.
func labelNeeds() []Need { return []Need{{PartNamespaces}, {PartInjectors}} }

// choices are the values of istio.io/rev that the add-on answers to.
func choices(f *Facts) []string {
	var values []string
	for _, injector := range f.Injectors.Value {
		if injector.Managed() {
			values = append(values, injector.LabelValue())
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}

// labelCommand is the plugin's command that labels a namespace; where there are
// several values to choose from, somebody has to.
func labelCommand(f *Facts, namespace string, flags ...string) string {
	command := "kubectl istio-cni label " + namespace
	if values := choices(f); len(values) > 1 {
		command += " --revision " + values[len(values)-1]
	}
	return strings.Join(append([]string{command}, flags...), " ")
}

// setRevision is the fix that labels a namespace, nil where there is a choice.
func setRevision(f *Facts, namespace string, remove map[string]string) *Fix {
	values := choices(f)
	if len(values) != 1 {
		return nil
	}
	return &Fix{Action: FixLabelNamespace, Object: NamespaceObject(namespace), Set: map[string]string{mesh.RevisionLabel: values[0]}, Remove: remove}
}

func answering(f *Facts) string {
	if values := choices(f); len(values) > 0 {
		return "the add-on answers to " + mesh.RevisionLabel + "=" + strings.Join(values, " or ")
	}
	return "no webhook of the add-on was found"
}

func restartAfterwards(namespace string) Step {
	return Step{"Then restart the namespace's workloads", "kubectl istio-cni restart -n " + namespace}
}

func legacyLabel() *Rule {
	return &Rule{
		ID: "ICNI401", Title: "a namespace has the label that the add-on ignores", Area: AreaNamespaces, Severity: High, Pre: true,
		Needs:     labelNeeds(),
		Symptom:   "New pods of a namespace get no sidecar, although it has the label istio-injection=enabled.",
		Detection: "The namespace has the label istio-injection and not istio.io/rev, and no webhook matches it.",
		Cause:     "the add-on injects by revision and ignores the label istio-injection",
		Remedy:    "Label the namespace with the mesh's revision, remove the label istio-injection, and restart the workloads.",
		Links:     []string{linkDeploy, linkTroubleshoot},
		look: func(f *Facts, r *Report) {
			eachNamespace(f, r, labelLegacy, func(ns snapshot.Namespace) Finding {
				legacy := ns.Labels[mesh.LegacyInjectionLabel]
				return Finding{
					Evidence: []string{fmt.Sprintf("namespace %s has the label %s=%s and no %s", ns.Name, mesh.LegacyInjectionLabel, legacy, mesh.RevisionLabel), answering(f)},
					Remedy:   []Step{{"Replace the label", labelCommand(f, ns.Name, "--remove-legacy-label")}, restartAfterwards(ns.Name)},
					Fix:      setRevision(f, ns.Name, map[string]string{mesh.LegacyInjectionLabel: legacy}),
				}
			})
		},
	}
}

func bothLabels() *Rule {
	return &Rule{
		ID: "ICNI402", Title: "a namespace has both injection labels", Area: AreaNamespaces, Severity: High, Pre: true,
		Needs:     labelNeeds(),
		Symptom:   "New pods of a namespace get no sidecar, although it has the mesh's revision as its label.",
		Detection: "The namespace has the labels istio.io/rev and istio-injection, and no webhook matches it.",
		Cause:     "the webhooks' selector leaves out every namespace with the label istio-injection, whatever its value",
		Remedy:    "Remove the label istio-injection and restart the workloads.",
		Links:     []string{linkDeploy, linkTroubleshoot},
		look: func(f *Facts, r *Report) {
			eachNamespace(f, r, labelBoth, func(ns snapshot.Namespace) Finding {
				legacy := ns.Labels[mesh.LegacyInjectionLabel]
				finding := Finding{
					Evidence: []string{fmt.Sprintf("namespace %s has the labels %s=%s and %s=%s", ns.Name, mesh.RevisionLabel, ns.Labels[mesh.RevisionLabel], mesh.LegacyInjectionLabel, legacy)},
					Remedy:   []Step{{"Remove the label that keeps the webhook away", "kubectl label namespace " + ns.Name + " " + mesh.LegacyInjectionLabel + "-"}, restartAfterwards(ns.Name)},
					Fix:      &Fix{Action: FixLabelNamespace, Object: NamespaceObject(ns.Name), Remove: map[string]string{mesh.LegacyInjectionLabel: legacy}},
				}
				if _, served := f.mesh.Injectors.Resolve(ns.Labels[mesh.RevisionLabel]); !served {
					finding.Evidence = append(finding.Evidence, "no webhook answers to that revision either; "+answering(f))
					finding.Fix = setRevision(f, ns.Name, map[string]string{mesh.LegacyInjectionLabel: legacy, mesh.RevisionLabel: ns.Labels[mesh.RevisionLabel]})
					finding.Remedy[0] = Step{"Replace the labels", labelCommand(f, ns.Name, "--remove-legacy-label")}
				}
				// Whoever wrote "disabled" may have meant it.
				if !strings.EqualFold(legacy, "enabled") {
					finding.Fix = nil
				}
				return finding
			})
		},
	}
}

func danglingRevision() *Rule {
	return &Rule{
		ID: "ICNI403", Title: "a namespace's revision does not exist", Area: AreaNamespaces, Severity: High, Pre: true,
		Needs:     labelNeeds(),
		Symptom:   "New pods of a namespace get no sidecar, although it has the label istio.io/rev.",
		Detection: "No webhook answers to the value of the namespace's label istio.io/rev, be it a revision or a revision tag.",
		Cause:     "the revision is misspelt, or an upgrade of the mesh removed it",
		Remedy:    "Label the namespace with a revision of the mesh, and restart the workloads.",
		Links:     []string{linkUpgrade, linkMinorUpgrade, linkTroubleshoot},
		look: func(f *Facts, r *Report) {
			eachNamespace(f, r, labelDangling, func(ns snapshot.Namespace) Finding {
				return Finding{
					Evidence: []string{fmt.Sprintf("namespace %s has the label %s=%s, which no webhook answers to", ns.Name, mesh.RevisionLabel, ns.Labels[mesh.RevisionLabel]), answering(f)},
					Remedy:   []Step{{"Label the namespace anew", labelCommand(f, ns.Name)}, restartAfterwards(ns.Name)},
					Fix:      setRevision(f, ns.Name, map[string]string{mesh.RevisionLabel: ns.Labels[mesh.RevisionLabel]}),
				}
			})
		},
	}
}

func selectorExcludes() *Rule {
	return &Rule{
		ID: "ICNI404", Title: "the webhook's selector leaves a namespace out", Area: AreaNamespaces, Severity: Medium, Pre: true,
		Needs:     labelNeeds(),
		Symptom:   "New pods of a namespace get no sidecar, although its labels look right.",
		Detection: "A webhook answers to the namespace's revision, and yet no webhook's selectors match the namespace.",
		Cause:     "a policy has written more into the webhook's selector than Istio does, and another label of the namespace meets it",
		Remedy:    "Remove the label from the namespace if nothing else needs it, and restart the workloads.",
		Links:     []string{linkTroubleshoot, linkDeploy},
		look: func(f *Facts, r *Report) {
			eachNamespace(f, r, labelExcluded, func(ns snapshot.Namespace) Finding {
				finding := Finding{
					Evidence: []string{fmt.Sprintf("namespace %s has the label %s=%s, and no webhook's selectors match it", ns.Name, mesh.RevisionLabel, ns.Labels[mesh.RevisionLabel])},
				}
				for _, key := range excluding(f, ns) {
					finding.Evidence = append(finding.Evidence, fmt.Sprintf("without its label %s=%s they would", key, ns.Labels[key]))
					finding.Remedy = append(finding.Remedy, Step{"Remove the label, if nothing else needs it", "kubectl label namespace " + ns.Name + " " + key + "-"})
				}
				finding.Remedy = append(finding.Remedy,
					Step{"Look at the selectors", "kubectl get mutatingwebhookconfigurations -l app=sidecar-injector -o yaml"}, restartAfterwards(ns.Name))
				return finding
			})
		},
	}
}

// excluding are the labels without which the webhook that the namespace asks for
// would match. That another Istio's would is no reason to remove a label.
func excluding(f *Facts, ns snapshot.Namespace) []string {
	wanted := func(i mesh.Injector) bool { return i.Managed() && i.LabelValue() == ns.Labels[mesh.RevisionLabel] }
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(ns.Labels)) {
		without := maps.Clone(ns.Labels)
		delete(without, key)
		if key != mesh.RevisionLabel && slices.ContainsFunc(f.mesh.Injectors.For(without, nil), wanted) {
			keys = append(keys, key)
		}
	}
	return keys
}

func excludedByAgent() *Rule {
	return &Rule{
		ID: "ICNI405", Title: "the node agent leaves a namespace of the mesh out", Area: AreaNamespaces, Severity: High,
		Needs:     []Need{{PartPods}, {PartAgentConfig}},
		Symptom:   "All new pods of one namespace stay in Init:CrashLoopBackOff, on whichever node they are.",
		Detection: "The istio-validation of pods ended with exit code 126, and their namespace is in the node agent's setting EXCLUDE_NAMESPACES.",
		Cause:     "the injector puts the pods into the mesh, and the plugin is told to leave the namespace alone",
		Remedy:    "Take the namespace out of the mesh, or move the workloads to another one.",
		Links:     []string{linkTroubleshootCNI, linkIstioCNI},
		look: func(f *Facts, r *Report) {
			in := map[string][]*mesh.Pod{}
			for pod := range f.Unvalidated() {
				if f.Excluded(pod.Namespace) {
					in[pod.Namespace] = append(in[pod.Namespace], pod)
				}
			}
			for _, name := range slices.Sorted(maps.Keys(in)) {
				r.Add(Finding{
					Objects:  append([]Object{NamespaceObject(name)}, podObjects(in[name])...),
					Evidence: append([]string{"the node agent's EXCLUDE_NAMESPACES names " + name}, crashLines(f, in[name])...),
					Root:     RootNamespace(name),
					Remedy: []Step{
						{"Take the namespace out of the mesh", "kubectl label namespace " + name + " " + mesh.RevisionLabel + "-"},
						{"Then make its pods anew", "kubectl rollout restart deployment -n " + name},
					},
				})
			}
		},
	}
}

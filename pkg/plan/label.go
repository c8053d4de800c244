package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// LabelStep is a change of one namespace's labels.
type LabelStep struct {
	Namespace string
	// Value of istio.io/rev to set; Previous is what it is now, "" if unset.
	Value, Previous string
	// Legacy is the present value of istio-injection if that label is to be
	// removed, else "".
	Legacy string
}

// Label is a plan to label namespaces.
type Label struct {
	Steps   []LabelStep
	Notices Notices
	// Unchanged namespaces already are as wanted.
	Unchanged []string
}

// LabelOptions are a person's wishes about labels.
type LabelOptions struct {
	// Namespaces to label.
	Namespaces []string
	// Value is the revision or revision tag.
	Value string
	// RemoveLegacy allows removing the label istio-injection.
	RemoveLegacy bool
}

// RevisionChoices lists what namespaces can be labelled with: the revisions and
// revision tags that an injector answers to. If the injectors could not be
// read, the mesh's revisions are known from its configuration, or from Azure.
func RevisionChoices(s *snapshot.Snapshot) ([]string, error) {
	if s.Injectors.Known() {
		injectors, err := mesh.CompileInjectors(s.Injectors.Value)
		if err != nil {
			return nil, err
		}
		return injectors.LabelValues(), nil
	}
	if s.InjectorMechanisms.State == snapshot.Read {
		return slices.Sorted(maps.Keys(s.InjectorMechanisms.Value)), nil
	}
	return slices.Sorted(slices.Values(s.Cluster.Value.Revisions)), nil
}

// CheckRevision makes sure that an injector answers to the value.
func CheckRevision(value string, choices []string) error {
	if slices.Contains(choices, value) {
		return nil
	}
	cause := fmt.Errorf("the mesh has %s", strings.Join(choices, ", "))
	if len(choices) == 0 {
		cause = errors.New("no injector was found; either the mesh is off or it could not be read")
	}
	return &fail.Error{
		Attempt: "use revision " + value, Cause: cause,
		Remedy: "pods of a namespace labelled with a revision that no injector answers to get no sidecar; see `kubectl istio-cni status`",
	}
}

// LabelNamespaces plans the labels of namespaces.
func LabelNamespaces(s *snapshot.Snapshot, options LabelOptions) (*Label, error) {
	m, err := s.Mesh()
	if err != nil {
		return nil, err
	}
	plan := &Label{}
	names := slices.Clone(options.Namespaces)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		i := slices.IndexFunc(s.Namespaces.Value, func(ns snapshot.Namespace) bool { return ns.Name == name })
		attempt := "label namespace " + name
		switch {
		case mesh.IsSystemNamespace(name):
			return nil, fail.To(attempt, errors.New("it belongs to Kubernetes or to the Istio add-on"))
		case i < 0 && s.Namespaces.Whole():
			return nil, fail.To(attempt, errors.New("there is no such namespace"))
		case i < 0:
			return nil, fail.To(attempt, fmt.Errorf("its labels are not known: %s", s.Namespaces.Why()))
		}
		plan.add(s.Namespaces.Value[i], options, m.Injectors)
	}
	return plan, nil
}

// add plans the labels of one namespace, and makes sure that they will have an
// injector match it.
func (l *Label) add(ns snapshot.Namespace, options LabelOptions, injectors *mesh.Injectors) {
	step := LabelStep{Namespace: ns.Name, Value: options.Value, Previous: ns.Labels[mesh.RevisionLabel]}
	then := maps.Clone(ns.Labels)
	if then == nil {
		then = map[string]string{}
	}
	then[mesh.RevisionLabel] = options.Value
	legacy, hasLegacy := ns.Labels[mesh.LegacyInjectionLabel]
	if hasLegacy && !matches(injectors, then) {
		if !options.RemoveLegacy {
			l.Notices.block(fmt.Sprintf("namespace %s has the label %s=%s, which keeps the injector away from it", ns.Name, mesh.LegacyInjectionLabel, legacy),
				"run again with --remove-legacy-label")
			return
		}
		step.Legacy = mesh.LegacyInjectionLabel + "=" + legacy
		delete(then, mesh.LegacyInjectionLabel)
	}
	if injectors != nil && !matches(injectors, then) {
		l.Notices.block(fmt.Sprintf("no injector would match namespace %s with %s=%s; the injectors' selectors leave it out", ns.Name, mesh.RevisionLabel, options.Value),
			"see the namespaceSelector in `kubectl get mutatingwebhookconfigurations --output yaml`")
		return
	}
	if step.Previous == step.Value && step.Legacy == "" {
		l.Unchanged = append(l.Unchanged, ns.Name)
		return
	}
	l.Steps = append(l.Steps, step)
}

// matches reports whether an injector is known to match a namespace.
func matches(injectors *mesh.Injectors, labels map[string]string) bool {
	return injectors != nil && len(injectors.For(labels, nil)) > 0
}

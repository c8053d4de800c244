package mesh

import (
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Injector is one webhook that injects sidecars. Which pods it injects is told
// by its selectors, not by its name.
type Injector struct {
	// Configuration and Webhook name the MutatingWebhookConfiguration and the
	// webhook in it.
	Configuration string `json:"configuration"`
	Webhook       string `json:"webhook"`
	// Revision is the mesh revision it injects.
	Revision string `json:"revision"`
	// Tag is the revision tag it serves, "" if it serves the revision itself.
	Tag string `json:"tag,omitempty"`

	// Service is what it calls, as namespace/name; URL stands in its place where
	// it calls something outside the cluster.
	Service string `json:"service,omitempty"`
	URL     string `json:"url,omitempty"`
	// FailurePolicy is Fail where no pod can be created while it does not answer.
	FailurePolicy string `json:"failurePolicy,omitempty"`
	// Conditions are its match conditions, in CEL. Which pods they leave out is
	// noted with the pods.
	Conditions []Condition `json:"conditions,omitempty"`

	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	ObjectSelector    *metav1.LabelSelector `json:"objectSelector,omitempty"`
}

// Condition is one match condition of a webhook.
type Condition struct {
	Name       string `json:"name"`
	Expression string `json:"expression"`
}

// Key names the webhook, as configuration/webhook.
func (i Injector) Key() string { return i.Configuration + "/" + i.Webhook }

// Managed reports whether it is one of the add-on's. One that calls a Service of
// another namespace belongs to another Istio.
func (i Injector) Managed() bool {
	return i.Service == "" || strings.HasPrefix(i.Service, SystemNamespace+"/")
}

// LabelValue is what a namespace carries in istio.io/rev to be injected by it.
func (i Injector) LabelValue() string {
	if i.Tag != "" {
		return i.Tag
	}
	return i.Revision
}

// InjectorsFrom picks the sidecar injectors out of a webhook configuration:
// its webhooks for pods, if the configuration carries Istio's revision label.
func InjectorsFrom(c *admissionv1.MutatingWebhookConfiguration) []Injector {
	revision, ok := c.Labels[RevisionLabel]
	if !ok || c.Labels["app"] != "sidecar-injector" {
		return nil
	}
	tag := c.Labels[TagLabel]
	var injectors []Injector
	for _, w := range c.Webhooks {
		if mutatesNewPods(w.Rules) {
			injector := injectorFrom(&w)
			injector.Configuration, injector.Revision, injector.Tag = c.Name, revision, tag
			injectors = append(injectors, injector)
		}
	}
	return injectors
}

func injectorFrom(w *admissionv1.MutatingWebhook) Injector {
	injector := Injector{Webhook: w.Name, NamespaceSelector: w.NamespaceSelector, ObjectSelector: w.ObjectSelector}
	for _, condition := range w.MatchConditions {
		injector.Conditions = append(injector.Conditions, Condition{condition.Name, condition.Expression})
	}
	switch calls := w.ClientConfig; {
	case calls.Service != nil:
		injector.Service = calls.Service.Namespace + "/" + calls.Service.Name
	case calls.URL != nil:
		injector.URL = *calls.URL
	}
	if w.FailurePolicy != nil {
		injector.FailurePolicy = string(*w.FailurePolicy)
	}
	return injector
}

func mutatesNewPods(rules []admissionv1.RuleWithOperations) bool {
	return slices.ContainsFunc(rules, func(r admissionv1.RuleWithOperations) bool {
		creates := slices.Contains(r.Operations, admissionv1.Create) || slices.Contains(r.Operations, admissionv1.OperationAll)
		pods := slices.Contains(r.Resources, "pods") || slices.Contains(r.Resources, "*") || slices.Contains(r.Resources, "*/*")
		return creates && pods
	})
}

// Injectors are all injectors of a cluster, their selectors ready to match.
type Injectors struct {
	all  []compiledInjector
	keys map[string]bool
}

type compiledInjector struct {
	Injector
	namespaces, objects labels.Selector
}

// CompileInjectors prepares injectors for matching. It fails on a selector that
// the API server would not have accepted.
func CompileInjectors(injectors []Injector) (*Injectors, error) {
	result := &Injectors{keys: map[string]bool{RevisionLabel: true, InjectLabel: true}}
	for _, i := range injectors {
		c := compiledInjector{Injector: i}
		var err error
		if c.namespaces, err = compileSelector(i.NamespaceSelector); err != nil {
			return nil, fmt.Errorf("namespace selector of webhook %s in %s: %w", i.Webhook, i.Configuration, err)
		}
		if c.objects, err = compileSelector(i.ObjectSelector); err != nil {
			return nil, fmt.Errorf("object selector of webhook %s in %s: %w", i.Webhook, i.Configuration, err)
		}
		requirements, _ := c.objects.Requirements()
		for _, r := range requirements {
			result.keys[r.Key()] = true
		}
		result.all = append(result.all, c)
	}
	return result, nil
}

// compileSelector treats a missing selector as the API server does in webhook
// configurations: it selects everything.
func compileSelector(s *metav1.LabelSelector) (labels.Selector, error) {
	if s == nil {
		return labels.Everything(), nil
	}
	return metav1.LabelSelectorAsSelector(s)
}

// UsesLabel reports whether injection depends on the pod label key.
func (in *Injectors) UsesLabel(key string) bool {
	if in == nil {
		return key == RevisionLabel || key == InjectLabel
	}
	return in.keys[key]
}

// All lists the injectors; nil where they are not known.
func (in *Injectors) All() []Injector {
	if in == nil {
		return nil
	}
	all := make([]Injector, len(in.all))
	for i := range in.all {
		all[i] = in.all[i].Injector
	}
	return all
}

// For returns the injectors that the API server would call for a new pod with
// the given labels in a namespace with the given labels.
func (in *Injectors) For(namespaceLabels, podLabels map[string]string) []Injector {
	var matching []Injector
	for i := range in.all {
		if in.all[i].matches(namespaceLabels, podLabels) {
			matching = append(matching, in.all[i].Injector)
		}
	}
	return matching
}

func (c *compiledInjector) matches(namespaceLabels, podLabels map[string]string) bool {
	return c.namespaces.Matches(labels.Set(namespaceLabels)) && c.objects.Matches(labels.Set(podLabels))
}

// LabelValues lists, sorted, the values of istio.io/rev that an injector
// answers to: revisions and revision tags.
func (in *Injectors) LabelValues() []string {
	var values []string
	for _, c := range in.all {
		values = append(values, c.LabelValue())
	}
	slices.Sort(values)
	return slices.Compact(values)
}

// Resolve returns the revision behind a value of istio.io/rev, be it a revision
// or a tag.
func (in *Injectors) Resolve(value string) (revision string, ok bool) {
	for _, c := range in.all {
		if c.LabelValue() == value {
			return c.Revision, true
		}
	}
	return "", false
}

// AsksForInjection reports whether a namespace's labels ask Istio for sidecars,
// whether or not an injector answers.
func AsksForInjection(namespaceLabels map[string]string) bool {
	_, revision := namespaceLabels[RevisionLabel]
	legacy := namespaceLabels[LegacyInjectionLabel]
	return revision || strings.EqualFold(legacy, "enabled")
}

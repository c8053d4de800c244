package mesh

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// Webhook configurations as Istio's charts render them: istio/istio,
// manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml
// and revision-tags-mwc.yaml, and manifests/charts/default.
const (
	rules = `
  sideEffects: None
  admissionReviewVersions: [v1]
  failurePolicy: Fail
  rules:
  - {operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods]}`

	revisionWebhooks = `
- name: rev.namespace.sidecar-injector.istio.io
  namespaceSelector:
    matchExpressions:
    - {key: istio.io/rev, operator: In, values: [VALUE]}
    - {key: istio-injection, operator: DoesNotExist}
  objectSelector:
    matchExpressions:
    - {key: sidecar.istio.io/inject, operator: NotIn, values: ["false"]}` + rules + `
- name: rev.object.sidecar-injector.istio.io
  namespaceSelector:
    matchExpressions:
    - {key: istio.io/rev, operator: DoesNotExist}
    - {key: istio-injection, operator: DoesNotExist}
  objectSelector:
    matchExpressions:
    - {key: sidecar.istio.io/inject, operator: NotIn, values: ["false"]}
    - {key: istio.io/rev, operator: In, values: [VALUE]}` + rules

	defaultWebhooks = `
- name: namespace.sidecar-injector.istio.io
  namespaceSelector:
    matchExpressions:
    - {key: istio-injection, operator: In, values: [enabled]}
  objectSelector:
    matchExpressions:
    - {key: sidecar.istio.io/inject, operator: NotIn, values: ["false"]}` + rules + `
- name: object.sidecar-injector.istio.io
  namespaceSelector:
    matchExpressions:
    - {key: istio-injection, operator: DoesNotExist}
    - {key: istio.io/rev, operator: DoesNotExist}
  objectSelector:
    matchExpressions:
    - {key: sidecar.istio.io/inject, operator: In, values: ["true"]}
    - {key: istio.io/rev, operator: DoesNotExist}` + rules
)

func webhooks(t *testing.T, name, labels, list string) *admissionv1.MutatingWebhookConfiguration {
	t.Helper()
	text := `apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata:
  name: ` + name + `
  labels: {` + labels + `}
webhooks:` + list
	data, err := yaml.ToJSON([]byte(text))
	if err != nil {
		t.Fatalf("the test's own manifest: %v\n%s", err, text)
	}
	configuration := &admissionv1.MutatingWebhookConfiguration{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(configuration); err != nil {
		t.Fatalf("the test's own manifest: %v\n%s", err, data)
	}
	return configuration
}

// ofRevision is the configuration of a revision, ofTag that of a revision tag.
func ofRevision(t *testing.T, revision string) *admissionv1.MutatingWebhookConfiguration {
	t.Helper()
	return webhooks(t, "istio-sidecar-injector-"+revision+"-aks-istio-system",
		`app: sidecar-injector, istio.io/rev: `+revision+`, operator.istio.io/component: Pilot`, strings.ReplaceAll(revisionWebhooks, "VALUE", revision))
}

func ofTag(t *testing.T, tag, revision string) *admissionv1.MutatingWebhookConfiguration {
	t.Helper()
	list := strings.ReplaceAll(revisionWebhooks, "VALUE", tag)
	if tag == "default" {
		list += defaultWebhooks
	}
	return webhooks(t, "istio-revision-tag-"+tag+"-aks-istio-system",
		`app: sidecar-injector, istio.io/rev: `+revision+`, istio.io/tag: `+tag, list)
}

func compile(t *testing.T, configurations ...*admissionv1.MutatingWebhookConfiguration) *Injectors {
	t.Helper()
	var all []Injector
	for _, c := range configurations {
		all = append(all, InjectorsFrom(c)...)
	}
	injectors, err := CompileInjectors(all)
	if err != nil {
		t.Fatal(err)
	}
	return injectors
}

func TestInjectorsFrom(t *testing.T) {
	type brief struct{ Configuration, Webhook, Revision, Tag, LabelValue string }
	const revisionName, tagName = "istio-sidecar-injector-asm-1-27-aks-istio-system", "istio-revision-tag-default-aks-istio-system"
	const one = `
- name: x.contoso.example` + rules
	for _, test := range []struct {
		name          string
		configuration *admissionv1.MutatingWebhookConfiguration
		want          []brief
	}{
		{"a revision", ofRevision(t, "asm-1-27"), []brief{
			{revisionName, "rev.namespace.sidecar-injector.istio.io", "asm-1-27", "", "asm-1-27"},
			{revisionName, "rev.object.sidecar-injector.istio.io", "asm-1-27", "", "asm-1-27"},
		}},
		{"the default tag", ofTag(t, "default", "asm-1-27"), []brief{
			{tagName, "rev.namespace.sidecar-injector.istio.io", "asm-1-27", "default", "default"},
			{tagName, "rev.object.sidecar-injector.istio.io", "asm-1-27", "default", "default"},
			{tagName, "namespace.sidecar-injector.istio.io", "asm-1-27", "default", "default"},
			{tagName, "object.sidecar-injector.istio.io", "asm-1-27", "default", "default"},
		}},
		{"another app's webhook", webhooks(t, "contoso", `app: contoso, istio.io/rev: asm-1-27`, one), nil},
		{"no revision label", webhooks(t, "contoso", `app: sidecar-injector`, one), nil},
		{"no webhook", webhooks(t, "contoso", `app: sidecar-injector, istio.io/rev: asm-1-27`, " []"), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []brief
			for _, i := range InjectorsFrom(test.configuration) {
				got = append(got, brief{i.Configuration, i.Webhook, i.Revision, i.Tag, i.LabelValue()})
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOnlyWebhooksThatSeeNewPodsInject(t *testing.T) {
	for _, test := range []struct {
		rule string
		want bool
	}{
		{`{operations: [CREATE], apiGroups: [""], resources: [pods]}`, true},
		{`{operations: [CREATE, UPDATE], resources: [configmaps, pods]}`, true},
		{`{operations: ["*"], resources: ["*"]}`, true},
		{`{operations: ["*"], resources: ["*/*"]}`, true},
		{`{operations: [UPDATE], resources: [pods]}`, false},
		{`{operations: [CREATE], resources: [pods/ephemeralcontainers]}`, false},
		{`{operations: [CREATE], resources: [deployments]}`, false},
		{`{operations: [], resources: []}`, false},
	} {
		t.Run(test.rule, func(t *testing.T) {
			c := webhooks(t, "it", `app: sidecar-injector, istio.io/rev: asm-1-27`, "\n- {name: it, rules: ["+test.rule+"]}")
			if got := len(InjectorsFrom(c)) == 1; got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

type labelSet = map[string]string

// Which injectors the API server calls, by the webhooks' own selectors.
func TestInjectorsForAPod(t *testing.T) {
	r27, r28, prod, byDefault := ofRevision(t, "asm-1-27"), ofRevision(t, "asm-1-28"), ofTag(t, "prod", "asm-1-27"), ofTag(t, "default", "asm-1-28")
	one := []*admissionv1.MutatingWebhookConfiguration{r27}
	all := []*admissionv1.MutatingWebhookConfiguration{r27, r28, prod, byDefault}
	for _, test := range []struct {
		name           string
		configurations []*admissionv1.MutatingWebhookConfiguration
		namespace, pod labelSet
		want           []string
	}{
		{"labelled namespace", one, labelSet{"istio.io/rev": "asm-1-27"}, nil, []string{"asm-1-27 rev.namespace"}},
		{"labelled namespace, labelled pod", one, labelSet{"istio.io/rev": "asm-1-27"}, labelSet{"istio.io/rev": "asm-1-27", "app": "web"}, []string{"asm-1-27 rev.namespace"}},
		{"unlabelled namespace", one, labelSet{"team": "shop"}, nil, nil},
		{"no labels at all", one, nil, nil, nil},
		{"dangling revision", one, labelSet{"istio.io/rev": "asm-1-26"}, nil, nil},
		{"empty revision", one, labelSet{"istio.io/rev": ""}, nil, nil},
		{"legacy label enabled keeps the injector away", one, labelSet{"istio.io/rev": "asm-1-27", "istio-injection": "enabled"}, nil, nil},
		{"legacy label disabled does too", one, labelSet{"istio.io/rev": "asm-1-27", "istio-injection": "disabled"}, nil, nil},
		{"an empty legacy label does too", one, labelSet{"istio.io/rev": "asm-1-27", "istio-injection": ""}, nil, nil},
		{"legacy label alone", one, labelSet{"istio-injection": "enabled"}, nil, nil},
		{"pod opts out", one, labelSet{"istio.io/rev": "asm-1-27"}, labelSet{"sidecar.istio.io/inject": "false"}, nil},
		{"pod opts in, though its namespace does", one, labelSet{"istio.io/rev": "asm-1-27"}, labelSet{"sidecar.istio.io/inject": "true"}, []string{"asm-1-27 rev.namespace"}},
		{"pod opts in alone: unsupported by the add-on's webhooks", one, nil, labelSet{"sidecar.istio.io/inject": "true"}, nil},
		{"pod names its revision", one, nil, labelSet{"istio.io/rev": "asm-1-27"}, []string{"asm-1-27 rev.object"}},
		{"pod names its revision and opts out", one, nil, labelSet{"istio.io/rev": "asm-1-27", "sidecar.istio.io/inject": "false"}, nil},
		{"pod names another revision than its namespace, which wins", []*admissionv1.MutatingWebhookConfiguration{r27, r28}, labelSet{"istio.io/rev": "asm-1-27"}, labelSet{"istio.io/rev": "asm-1-28"}, []string{"asm-1-27 rev.namespace"}},
		{"tag", all, labelSet{"istio.io/rev": "prod"}, nil, []string{"asm-1-27 rev.namespace"}},
		{"default tag by its name", all, labelSet{"istio.io/rev": "default"}, nil, []string{"asm-1-28 rev.namespace"}},
		{"default tag by the legacy label", all, labelSet{"istio-injection": "enabled"}, nil, []string{"asm-1-28 namespace"}},
		{"default tag does not answer to disabled", all, labelSet{"istio-injection": "disabled"}, nil, nil},
		{"default tag, and a pod that opts in", all, nil, labelSet{"sidecar.istio.io/inject": "true"}, []string{"asm-1-28 object"}},
		{"both labels, with a default tag: the legacy one wins", all, labelSet{"istio.io/rev": "asm-1-27", "istio-injection": "enabled"}, nil, []string{"asm-1-28 namespace"}},
		{"no injectors", nil, labelSet{"istio.io/rev": "asm-1-27"}, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, i := range compile(t, test.configurations...).For(test.namespace, test.pod) {
				got = append(got, i.Revision+" "+strings.TrimSuffix(i.Webhook, ".sidecar-injector.istio.io"))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A selector that somebody changed counts, not the revision's label.
func TestChangedSelectorsCount(t *testing.T) {
	c := ofRevision(t, "asm-1-27")
	c.Webhooks[0].NamespaceSelector.MatchExpressions = append(c.Webhooks[0].NamespaceSelector.MatchExpressions,
		metav1.LabelSelectorRequirement{Key: "control-plane", Operator: metav1.LabelSelectorOpDoesNotExist})
	injectors := compile(t, c)
	if got := injectors.For(labelSet{"istio.io/rev": "asm-1-27"}, nil); len(got) != 1 {
		t.Errorf("%d injectors, want 1", len(got))
	}
	if got := injectors.For(labelSet{"istio.io/rev": "asm-1-27", "control-plane": "true"}, nil); got != nil {
		t.Errorf("excluded namespace: got %v", got)
	}
}

func TestAMissingSelectorSelectsEverything(t *testing.T) {
	injectors, err := CompileInjectors([]Injector{{Revision: "asm-1-27"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := injectors.For(labelSet{"any": "thing"}, nil); len(got) != 1 {
		t.Errorf("%d injectors, want 1", len(got))
	}
}

func TestBadSelectorsAreNamed(t *testing.T) {
	bad := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "istio.io/rev", Operator: "Matches"}}}
	for want, injector := range map[string]Injector{
		"namespace selector of webhook w in c": {Configuration: "c", Webhook: "w", NamespaceSelector: bad},
		"object selector of webhook w in c":    {Configuration: "c", Webhook: "w", ObjectSelector: bad},
	} {
		if _, err := CompileInjectors([]Injector{injector}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error about the %s", err, want)
		}
	}
}

func TestLabelsThatInjectionDependsOn(t *testing.T) {
	changed := ofRevision(t, "asm-1-27")
	changed.Webhooks[0].ObjectSelector.MatchLabels = map[string]string{"tier": "web"}
	for _, test := range []struct {
		name      string
		injectors *Injectors
		want      map[string]bool
	}{
		{"injectors that could not be read", nil, map[string]bool{"istio.io/rev": true, "sidecar.istio.io/inject": true, "app": false, "tier": false}},
		{"no injectors", compile(t), map[string]bool{"istio.io/rev": true, "sidecar.istio.io/inject": true, "app": false}},
		{"a revision's", compile(t, ofRevision(t, "asm-1-27")), map[string]bool{"istio.io/rev": true, "sidecar.istio.io/inject": true, "istio-injection": false, "app": false}},
		{"with a selector of somebody's", compile(t, changed), map[string]bool{"istio.io/rev": true, "tier": true, "app": false}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for key, want := range test.want {
				if got := test.injectors.UsesLabel(key); got != want {
					t.Errorf("%s: got %v, want %v", key, got, want)
				}
			}
		})
	}
}

func TestLabelValues(t *testing.T) {
	injectors := compile(t, ofRevision(t, "asm-1-28"), ofTag(t, "prod", "asm-1-27"), ofRevision(t, "asm-1-27"))
	if diff := cmp.Diff([]string{"asm-1-27", "asm-1-28", "prod"}, injectors.LabelValues()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for value, want := range map[string]string{"asm-1-27": "asm-1-27", "asm-1-28": "asm-1-28", "prod": "asm-1-27", "canary": "", "": ""} {
		got, ok := injectors.Resolve(value)
		if got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", value, got, ok, want)
		}
	}
}

func TestAsksForInjection(t *testing.T) {
	for _, test := range []struct {
		labels labelSet
		want   bool
	}{
		{nil, false},
		{labelSet{"team": "shop"}, false},
		{labelSet{"istio.io/rev": "asm-1-27"}, true},
		{labelSet{"istio.io/rev": ""}, true},
		{labelSet{"istio-injection": "enabled"}, true},
		{labelSet{"istio-injection": "disabled"}, false},
		{labelSet{"istio-injection": "disabled", "istio.io/rev": "asm-1-27"}, true},
	} {
		if got := AsksForInjection(test.labels); got != test.want {
			t.Errorf("%v: got %v, want %v", test.labels, got, test.want)
		}
	}
}

func TestRedirectContainersOfMechanisms(t *testing.T) {
	for mechanism, want := range map[Mechanism]struct{ container, text string }{
		InitContainers: {"istio-init", "InitContainers"},
		CNIChaining:    {"istio-validation", "CNIChaining"},
		Unknown:        {"", "unknown"},
		"Ambient":      {"", "Ambient"},
	} {
		if got := mechanism.RedirectContainer(); got != want.container {
			t.Errorf("%q: container %q, want %q", mechanism, got, want.container)
		}
		if got := mechanism.String(); got != want.text {
			t.Errorf("%q: text %q, want %q", string(mechanism), got, want.text)
		}
	}
}

package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func namespaces(list ...snapshot.Namespace) *snapshot.Snapshot {
	s := ready()
	s.Namespaces = snapshot.Found(list)
	return s
}

func TestLabelNamespaces(t *testing.T) {
	type labels = map[string]string
	for _, test := range []struct {
		name    string
		labels  labels
		options LabelOptions
		want    *Label
	}{
		{"no label", labels{"team": "shop"}, LabelOptions{}, &Label{Steps: []LabelStep{{Namespace: "shop", Value: "asm-1-27"}}}},
		{"no labels at all", nil, LabelOptions{}, &Label{Steps: []LabelStep{{Namespace: "shop", Value: "asm-1-27"}}}},
		{"another revision", labels{"istio.io/rev": "asm-1-26"}, LabelOptions{}, &Label{Steps: []LabelStep{{Namespace: "shop", Value: "asm-1-27", Previous: "asm-1-26"}}}},
		{"already so", labels{"istio.io/rev": "asm-1-27"}, LabelOptions{}, &Label{Unchanged: []string{"shop"}}},
		{"already so, and nothing to remove", labels{"istio.io/rev": "asm-1-27"}, LabelOptions{RemoveLegacy: true}, &Label{Unchanged: []string{"shop"}}},
		{"legacy label", labels{"istio-injection": "enabled"}, LabelOptions{}, &Label{Notices: Notices{
			{true, "namespace shop has the label istio-injection=enabled, which keeps the injector away from it", "run again with --remove-legacy-label"}}}},
		{"legacy label that says disabled", labels{"istio-injection": "disabled", "istio.io/rev": "asm-1-27"}, LabelOptions{}, &Label{Notices: Notices{
			{true, "namespace shop has the label istio-injection=disabled, which keeps the injector away from it", "run again with --remove-legacy-label"}}}},
		{"legacy label to be removed", labels{"istio-injection": "enabled"}, LabelOptions{RemoveLegacy: true},
			&Label{Steps: []LabelStep{{Namespace: "shop", Value: "asm-1-27", Legacy: "istio-injection=enabled"}}}},
		{"legacy label to be removed from a labelled namespace", labels{"istio-injection": "enabled", "istio.io/rev": "asm-1-27"}, LabelOptions{RemoveLegacy: true},
			&Label{Steps: []LabelStep{{Namespace: "shop", Value: "asm-1-27", Previous: "asm-1-27", Legacy: "istio-injection=enabled"}}}},
		{"an empty legacy label counts", labels{"istio-injection": ""}, LabelOptions{RemoveLegacy: true},
			&Label{Steps: []LabelStep{{Namespace: "shop", Value: "asm-1-27", Legacy: "istio-injection="}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.options.Namespaces, test.options.Value = []string{"shop"}, "asm-1-27"
			got, err := LabelNamespaces(namespaces(snapshot.Namespace{Name: "shop", Labels: test.labels}, snapshot.Namespace{Name: "other"}), test.options)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSeveralNamespacesAreLabelledByName(t *testing.T) {
	s := namespaces(snapshot.Namespace{Name: "a", Labels: map[string]string{"istio.io/rev": "prod"}}, snapshot.Namespace{Name: "b"}, snapshot.Namespace{Name: "c"})
	got, err := LabelNamespaces(s, LabelOptions{Namespaces: []string{"c", "a", "b"}, Value: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	want := &Label{Steps: []LabelStep{{Namespace: "b", Value: "prod"}, {Namespace: "c", Value: "prod"}}, Unchanged: []string{"a"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNamespacesThatAreNotLabelled(t *testing.T) {
	denied := ready()
	denied.Namespaces = snapshot.Part[[]snapshot.Namespace]{State: snapshot.Denied, Reason: "the API server denies it", Needs: "get namespaces in namespace shop"}
	absent := ready()
	absent.Namespaces = snapshot.Missing[[]snapshot.Namespace]()
	for _, test := range []struct {
		name, namespace string
		snapshot        *snapshot.Snapshot
		want, remedy    string
	}{
		{"Kubernetes' own", "kube-system", namespaces(snapshot.Namespace{Name: "kube-system"}), "it belongs to Kubernetes or to the Istio add-on", ""},
		{"the add-on's", "aks-istio-system", namespaces(snapshot.Namespace{Name: "aks-istio-system"}), "it belongs to Kubernetes or to the Istio add-on", ""},
		{"the add-on's, unread", "aks-istio-ingress", denied, "it belongs to Kubernetes or to the Istio add-on", ""},
		{"misspelt", "shpo", namespaces(snapshot.Namespace{Name: "shop"}), "there is no such namespace", ""},
		{"asked for alone, and not there", "shpo", absent, "there is no such namespace", ""},
		{"denied", "shop", denied, "its labels are not known: the API server denies it; it takes get namespaces in namespace shop", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := LabelNamespaces(test.snapshot, LabelOptions{Namespaces: []string{test.namespace}, Value: "asm-1-27"})
			want := "cannot label namespace " + test.namespace + ": " + test.want
			if err == nil || err.Error() != want || fail.Remedy(err) != test.remedy {
				t.Errorf("got %v (%q), want %s (%q)", err, fail.Remedy(err), want, test.remedy)
			}
		})
	}
}

func TestRevisionChoices(t *testing.T) {
	injector := func(revision, tag string) mesh.Injector { return mesh.Injector{Revision: revision, Tag: tag} }
	unread := snapshot.Part[[]mesh.Injector]{State: snapshot.Denied}
	for _, test := range []struct {
		name   string
		change func(*snapshot.Snapshot)
		want   []string
	}{
		{"one revision", func(s *snapshot.Snapshot) {
			s.Injectors = snapshot.Found([]mesh.Injector{injector("asm-1-27", ""), injector("asm-1-27", "")})
		}, []string{"asm-1-27"}},
		{"revisions and tags", func(s *snapshot.Snapshot) {
			s.Injectors = snapshot.Found([]mesh.Injector{injector("asm-1-28", ""), injector("asm-1-27", "prod"), injector("asm-1-27", "")})
		}, []string{"asm-1-27", "asm-1-28", "prod"}},
		{"no injector answers, whatever Azure says", func(s *snapshot.Snapshot) { s.Injectors = snapshot.Found[[]mesh.Injector](nil) }, nil},
		{"injectors denied: their ConfigMaps", func(s *snapshot.Snapshot) {
			s.Injectors = unread
			s.InjectorMechanisms = snapshot.Found(map[string]mesh.Mechanism{"asm-1-28": mesh.CNIChaining, "asm-1-27": mesh.CNIChaining})
		}, []string{"asm-1-27", "asm-1-28"}},
		{"both denied: Azure", func(s *snapshot.Snapshot) {
			s.Injectors, s.Cluster.Value.Revisions = unread, []string{"asm-1-28", "asm-1-27"}
		}, []string{"asm-1-27", "asm-1-28"}},
		{"all denied", func(s *snapshot.Snapshot) {
			s.Injectors, s.Cluster = unread, snapshot.Part[snapshot.Cluster]{State: snapshot.Denied}
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := ready()
			test.change(s)
			got, err := RevisionChoices(s)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	broken := ready()
	broken.Injectors = snapshot.Found([]mesh.Injector{{ObjectSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "k", Operator: "?"}}}}})
	if _, err := RevisionChoices(broken); err == nil {
		t.Error("no error for a selector that cannot be read")
	}
}

func TestCheckRevision(t *testing.T) {
	if err := CheckRevision("prod", []string{"asm-1-27", "prod"}); err != nil {
		t.Errorf("a tag that is served: %v", err)
	}
	err := CheckRevision("asm-1-26", []string{"asm-1-27", "prod"})
	if err == nil || err.Error() != "cannot use revision asm-1-26: the mesh has asm-1-27, prod" || !strings.Contains(fail.Remedy(err), "no injector answers to") {
		t.Errorf("got %v (%q)", err, fail.Remedy(err))
	}
	if err := CheckRevision("asm-1-27", nil); err == nil || !strings.Contains(err.Error(), "no injector was found") {
		t.Errorf("no choices: got %v", err)
	}
}

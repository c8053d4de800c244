package mesh

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// secured, privileged and bare are the usual pods of the namespace shop.
func secured() Pod {
	return Pod{Namespace: "shop", Name: "p", Phase: corev1.PodRunning, HasProxy: true, Revision: "asm-1-27", Redirect: &Redirect{Name: "istio-validation"}}
}

func privileged() Pod {
	return Pod{
		Namespace: "shop", Name: "p", Phase: corev1.PodRunning, HasProxy: true, Revision: "asm-1-27",
		Redirect: &Redirect{Name: "istio-init"}, Privileged: []string{"istio-init"},
	}
}

func bare() Pod { return Pod{Namespace: "shop", Name: "p", Phase: corev1.PodRunning} }

// with is a pod with some facts changed.
func with(pod Pod, change func(*Pod)) Pod {
	change(&pod)
	return pod
}

func TestJudge(t *testing.T) {
	r27, r28, prod := ofRevision(t, "asm-1-27"), ofRevision(t, "asm-1-28"), ofTag(t, "prod", "asm-1-27")
	asks := labelSet{"istio.io/rev": "asm-1-27"}
	// mesh is one whose injector gives CNIChaining to pods of the namespace shop.
	mesh := func(changes ...func(*Mesh)) *Mesh {
		m := &Mesh{
			Mechanisms: map[string]Mechanism{"asm-1-27": CNIChaining}, Default: CNIChaining,
			Injectors: compile(t, r27), NamespaceLabels: map[string]map[string]string{"shop": asks, "plain": nil, "kube-system": nil},
		}
		for _, change := range changes {
			change(m)
		}
		return m
	}
	labels := func(of labelSet) func(*Mesh) {
		return func(m *Mesh) { m.NamespaceLabels = map[string]map[string]string{"shop": of} }
	}
	mechanisms := func(azure Mechanism, injectors map[string]Mechanism) func(*Mesh) {
		return func(m *Mesh) { m.Default, m.Mechanisms = azure, injectors }
	}
	noInjectors := func(m *Mesh) { m.Injectors = nil }
	noNamespaces := func(m *Mesh) { m.NamespaceLabels = nil }
	initContainers := mechanisms(InitContainers, map[string]Mechanism{"asm-1-27": InitContainers})

	for _, test := range []struct {
		name string
		mesh *Mesh
		pod  Pod
		want Verdict
	}{
		// Secured and privileged pods, and whether a restart would change them.
		{"istio-validation under CNIChaining", mesh(), secured(), Verdict{Secured, Fresh, ""}},
		{"istio-init under CNIChaining", mesh(), privileged(), Verdict{Privileged, Stale, "has istio-init"}},
		{"istio-init under InitContainers", mesh(initContainers), privileged(), Verdict{Privileged, Fresh, ""}},
		{"istio-validation under InitContainers", mesh(initContainers), secured(), Verdict{Secured, Stale, "has istio-validation"}},
		{"an older revision than the namespace's", mesh(), with(secured(), func(p *Pod) { p.Revision = "asm-1-26" }),
			Verdict{Secured, Stale, "injected by asm-1-26, not asm-1-27"}},
		{"the revision counts before the mechanism", mesh(), with(privileged(), func(p *Pod) { p.Revision = "asm-1-26" }),
			Verdict{Privileged, Stale, "injected by asm-1-26, not asm-1-27"}},
		{"a tag stands for its revision", mesh(labels(labelSet{"istio.io/rev": "prod"}), func(m *Mesh) { m.Injectors = compile(t, r27, prod) }), secured(), Verdict{Secured, Fresh, ""}},
		{"the pod's own label names another revision", mesh(labels(nil), func(m *Mesh) { m.Injectors = compile(t, r27, r28) }),
			with(secured(), func(p *Pod) { p.Labels = labelSet{"istio.io/rev": "asm-1-28"} }), Verdict{Secured, Stale, "injected by asm-1-27, not asm-1-28"}},
		{"no injector matches any more", mesh(labels(nil)), secured(), Verdict{Secured, Fresh, "no injector matches it any more; a restart would take it out of the mesh"}},
		{"no injector matches any more, and it is privileged", mesh(labels(nil)), privileged(), Verdict{Privileged, Fresh, "no injector matches it any more; a restart would take it out of the mesh"}},
		{"two injectors of the same revision", mesh(func(m *Mesh) { m.Injectors = compile(t, r27, r27) }), secured(), Verdict{Secured, Fresh, ""}},

		// Privileges of other containers stay whatever the mechanism is.
		{"an app that adds NET_ADMIN itself", mesh(), with(secured(), func(p *Pod) { p.Privileged = []string{"app"} }),
			Verdict{Privileged, Fresh, "container app may change the network by its own specification"}},
		{"istio-init, and two more", mesh(), with(privileged(), func(p *Pod) { p.Privileged = []string{"istio-init", "vpn", "app"} }),
			Verdict{Privileged, Stale, "container vpn, app may change the network by its own specification"}},
		{"TPROXY under CNIChaining", mesh(), with(secured(), func(p *Pod) { p.Privileged, p.InterceptionMode = []string{"istio-proxy"}, "TPROXY" }),
			Verdict{Privileged, Fresh, "interception mode TPROXY needs NET_ADMIN in istio-proxy"}},
		{"TPROXY with istio-init", mesh(), with(privileged(), func(p *Pod) { p.Privileged, p.InterceptionMode = []string{"istio-init", "istio-proxy"}, "TPROXY" }),
			Verdict{Privileged, Stale, "interception mode TPROXY needs NET_ADMIN in istio-proxy"}},
		{"TPROXY, and an app besides", mesh(), with(secured(), func(p *Pod) { p.Privileged, p.InterceptionMode = []string{"istio-proxy", "app"}, "TPROXY" }),
			Verdict{Privileged, Fresh, "container istio-proxy, app may change the network by its own specification"}},

		// Proxies without a redirect container.
		{"gateway", mesh(), with(secured(), func(p *Pod) { p.Redirect, p.Template = nil, "gateway" }),
			Verdict{Exempt, Fresh, "injected with the template gateway, which has no redirection"}},
		{"gRPC without a proxy's redirection", mesh(), with(secured(), func(p *Pod) { p.Redirect, p.Template = nil, "grpc-agent" }),
			Verdict{Exempt, Fresh, "injected with the template grpc-agent, which has no redirection"}},
		{"gateway of an older revision", mesh(), with(secured(), func(p *Pod) { p.Redirect, p.Template, p.Revision = nil, "gateway", "asm-1-26" }),
			Verdict{Exempt, Stale, "injected with the template gateway, which has no redirection"}},
		{"interception mode NONE", mesh(), with(secured(), func(p *Pod) { p.Redirect, p.InterceptionMode = nil, "NONE" }), Verdict{Exempt, Fresh, "interception mode NONE"}},

		// The add-on's own pods.
		{"ingress gateway of the add-on", mesh(), with(secured(), func(p *Pod) { p.Namespace, p.Redirect, p.Template = "aks-istio-ingress", nil, "gateway" }),
			Verdict{Exempt, Fresh, "injected with the template gateway, which has no redirection"}},
		{"egress gateway of the add-on, without the template's annotation", mesh(), with(secured(), func(p *Pod) { p.Namespace, p.Redirect = "aks-istio-egress", nil }),
			Verdict{Exempt, Fresh, "part of the add-on"}},
		{"node agent", mesh(), with(bare(), func(p *Pod) { p.Namespace, p.Privileged = "aks-istio-system", []string{"install-cni"} }), Verdict{Outside, Fresh, ""}},
		{"kube-system", mesh(), with(bare(), func(p *Pod) { p.Namespace, p.HostNetwork = "kube-system", true }), Verdict{Outside, Fresh, ""}},
		{"kube-system, namespaces unknown", mesh(noNamespaces), with(bare(), func(p *Pod) { p.Namespace = "kube-system" }), Verdict{Outside, Fresh, ""}},

		// No proxy.
		{"predates the label", mesh(), bare(), Verdict{NotInjected, Stale, "predates the label"}},
		{"dangling revision", mesh(labels(labelSet{"istio.io/rev": "asm-1-26"})), bare(), Verdict{NotInjected, Fresh, "it asks for injection, but no injector matches it"}},
		{"legacy label", mesh(labels(labelSet{"istio-injection": "enabled"})), bare(), Verdict{NotInjected, Fresh, "it asks for injection, but no injector matches it"}},
		{"both labels", mesh(labels(labelSet{"istio.io/rev": "asm-1-27", "istio-injection": "enabled"})), bare(), Verdict{NotInjected, Fresh, "it asks for injection, but no injector matches it"}},
		{"plain namespace", mesh(labels(nil)), bare(), Verdict{Outside, Fresh, ""}},
		{"namespace that opts out", mesh(labels(labelSet{"istio-injection": "disabled"})), bare(), Verdict{Outside, Fresh, ""}},
		{"plain namespace, host network", mesh(labels(nil)), with(bare(), func(p *Pod) { p.HostNetwork = true }), Verdict{Outside, Fresh, ""}},
		{"injectors of two revisions match", mesh(func(m *Mesh) {
			other := InjectorsFrom(r28)[0]
			other.NamespaceSelector = nil
			m.Injectors, _ = CompileInjectors(append(InjectorsFrom(r27), other))
		}), bare(), Verdict{NotInjected, StalenessUnset, "injectors of several revisions match it"}},

		// By design or on request.
		{"host network", mesh(), with(bare(), func(p *Pod) { p.HostNetwork = true }), Verdict{Exempt, Fresh, "uses the host's network"}},
		{"Windows", mesh(), with(bare(), func(p *Pod) { p.Windows = true }), Verdict{Exempt, Fresh, "runs on Windows"}},
		{"virtual node", mesh(), with(bare(), func(p *Pod) { p.Node = "virtual-node-aci-linux" }), Verdict{Exempt, Fresh, "runs on a virtual node"}},
		{"opts out by label", mesh(), with(bare(), func(p *Pod) { p.Labels = labelSet{"sidecar.istio.io/inject": "false"} }), Verdict{Exempt, Fresh, "sidecar.istio.io/inject=false"}},
		{"opts out by annotation", mesh(), with(bare(), func(p *Pod) { p.InjectAnnotation = "false" }), Verdict{Exempt, Fresh, "sidecar.istio.io/inject=false"}},
		{"label beats annotation", mesh(), with(bare(), func(p *Pod) { p.InjectAnnotation, p.Labels = "false", labelSet{"sidecar.istio.io/inject": "true"} }),
			Verdict{NotInjected, Stale, "predates the label"}},
		{"has ended well", mesh(), with(bare(), func(p *Pod) { p.Phase = corev1.PodSucceeded }), Verdict{Exempt, Fresh, "has ended"}},
		{"has ended badly", mesh(), with(bare(), func(p *Pod) { p.Phase = corev1.PodFailed }), Verdict{Exempt, Fresh, "has ended"}},

		// What could not be read is unknown, never fine.
		{"mechanism unknown", mesh(mechanisms(Unknown, nil)), secured(), Verdict{Secured, StalenessUnset, "the redirection mechanism is unknown"}},
		{"mechanism unknown, istio-init", mesh(mechanisms(Unknown, nil)), privileged(), Verdict{Privileged, StalenessUnset, "the redirection mechanism is unknown"}},
		{"a mechanism that is not known yet", mesh(mechanisms("Ambient", nil)), secured(), Verdict{Secured, StalenessUnset, "the redirection mechanism is unknown"}},
		{"only Azure's word", mesh(mechanisms(CNIChaining, nil)), privileged(), Verdict{Privileged, Stale, "has istio-init"}},
		{"only the injector's word", mesh(mechanisms(Unknown, map[string]Mechanism{"asm-1-27": CNIChaining})), privileged(), Verdict{Privileged, Stale, "has istio-init"}},
		{"the injector does not follow Azure yet", mesh(mechanisms(CNIChaining, map[string]Mechanism{"asm-1-27": InitContainers})), privileged(), Verdict{Privileged, StalenessUnset, "the injector of asm-1-27 does not follow Azure's CNIChaining yet"}},
		{"this revision's injector was not read", mesh(mechanisms(Unknown, map[string]Mechanism{"asm-1-28": CNIChaining})), privileged(), Verdict{Privileged, StalenessUnset, "the redirection mechanism is unknown"}},
		{"injectors unknown, mechanism known", mesh(noInjectors), privileged(), Verdict{Privileged, Stale, "has istio-init"}},
		{"namespaces unknown, mechanism known", mesh(noNamespaces), privileged(), Verdict{Privileged, Stale, "has istio-init"}},
		{"no proxy, namespaces unknown", mesh(noNamespaces), bare(), Verdict{Undecided, StalenessUnset, "the namespace's labels are unknown"}},
		{"no proxy, its namespace unknown", mesh(labels(nil)), with(bare(), func(p *Pod) { p.Namespace = "new" }), Verdict{Undecided, StalenessUnset, "the namespace's labels are unknown"}},
		{"no proxy, host network, namespaces unknown", mesh(noNamespaces), with(bare(), func(p *Pod) { p.HostNetwork = true }), Verdict{Undecided, StalenessUnset, "the namespace's labels are unknown"}},
		{"no proxy, injectors unknown", mesh(noInjectors), bare(), Verdict{NotInjected, StalenessUnset, "the injectors are unknown"}},
		{"no proxy, host network, injectors unknown", mesh(noInjectors), with(bare(), func(p *Pod) { p.HostNetwork = true }), Verdict{Exempt, Fresh, "uses the host's network"}},
		{"no proxy, plain namespace, injectors unknown", mesh(noInjectors, labels(nil)), bare(), Verdict{Outside, Fresh, ""}},
		{"nothing known at all, no proxy", &Mesh{}, bare(), Verdict{Undecided, StalenessUnset, "the namespace's labels are unknown"}},
		{"nothing known at all, secured", &Mesh{}, secured(), Verdict{Secured, StalenessUnset, "the redirection mechanism is unknown"}},
		{"nothing known at all, privileged", &Mesh{}, privileged(), Verdict{Privileged, StalenessUnset, "the redirection mechanism is unknown"}},
		{"nothing known at all, no redirection", &Mesh{}, with(secured(), func(p *Pod) { p.Redirect = nil }),
			Verdict{Bypassing, StalenessUnset, "has istio-proxy but no redirect container"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, test.mesh.Judge(&test.pod)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Bypassing is the worst state; whatever its staleness, it is never mistaken for
// a state that is fine.
func TestAProxyThatNothingIsRedirectedToBypasses(t *testing.T) {
	pod := with(secured(), func(p *Pod) { p.Redirect, p.InterceptionMode = nil, "REDIRECT" })
	m := &Mesh{Default: CNIChaining, Injectors: compile(t, ofRevision(t, "asm-1-27")), NamespaceLabels: map[string]map[string]string{"shop": {"istio.io/rev": "asm-1-27"}}}
	got := m.Judge(&pod)
	if got.State != Bypassing || got.Reason != "has istio-proxy but no redirect container" {
		t.Errorf("got %+v", got)
	}
	sidecar := with(pod, func(p *Pod) { p.Template = "sidecar,contoso" })
	if got := m.Judge(&sidecar); got.State != Bypassing {
		t.Errorf("with the sidecar template among others: got %+v", got)
	}
}

// A pod can ask for a revision by itself where its namespace says nothing.
func TestAPodThatNamesItsRevisionIsMissingItsProxy(t *testing.T) {
	m := &Mesh{Default: CNIChaining, Injectors: compile(t, ofRevision(t, "asm-1-27")), NamespaceLabels: map[string]map[string]string{"shop": nil}}
	pod := with(bare(), func(p *Pod) { p.Labels = labelSet{"istio.io/rev": "asm-1-27"} })
	if got := m.Judge(&pod); got.State != NotInjected || got.Stale != Stale {
		t.Errorf("got %+v", got)
	}
	pod.Labels["sidecar.istio.io/inject"] = "false"
	if got := m.Judge(&pod); got.State != Exempt {
		t.Errorf("opted out: got %+v", got)
	}
}

func TestStatesAreListedOnceWorstFirst(t *testing.T) {
	want := []State{Bypassing, Privileged, NotInjected, Undecided, Secured, Exempt, Outside}
	if diff := cmp.Diff(want, States()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSystemNamespaces(t *testing.T) {
	for name, want := range map[string]bool{
		"kube-system": true, "kube-public": true, "kube-node-lease": true,
		"aks-istio-system": true, "aks-istio-ingress": true, "aks-istio-egress": true,
		"default": false, "istio-system": false, "shop": false, "": false,
	} {
		if got := IsSystemNamespace(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
}

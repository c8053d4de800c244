package mesh

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/util/jsonpath"
)

// Containers as Istio's injector writes them; see the injection template in
// istio/istio, manifests/charts/istio-control/istio-discovery/files.
const (
	istioInit = `
  - name: istio-init
    image: mcr.microsoft.com/oss/v2/istio/proxyv2:1.27.3
    args: [istio-iptables, -p, "15001", -z, "15006", -u, "1337", -m, REDIRECT, -i, '*', -x, "", -b, '*', -d, "15090,15021,15020"]
    securityContext:
      allowPrivilegeEscalation: false
      capabilities:
        add: [NET_ADMIN, NET_RAW]
        drop: [ALL]
      privileged: false
      readOnlyRootFilesystem: false
      runAsGroup: 0
      runAsNonRoot: false
      runAsUser: 0`
	istioValidation = `
  - name: istio-validation
    image: mcr.microsoft.com/oss/v2/istio/proxyv2:1.27.3
    args: [istio-iptables, -p, "15001", -z, "15006", -u, "1337", -m, REDIRECT, --run-validation, --skip-rule-apply]
    securityContext:
      allowPrivilegeEscalation: false
      capabilities:
        drop: [ALL]
      privileged: false
      readOnlyRootFilesystem: true
      runAsGroup: 1337
      runAsNonRoot: true
      runAsUser: 1337`
	istioProxy = `
  - name: istio-proxy
    image: mcr.microsoft.com/oss/v2/istio/proxyv2:1.27.3
    args: [proxy, sidecar]
    securityContext:
      allowPrivilegeEscalation: false
      capabilities:
        drop: [ALL]
      privileged: false
      readOnlyRootFilesystem: true
      runAsGroup: 1337
      runAsNonRoot: true
      runAsUser: 1337`
	istioProxyTPROXY = `
  - name: istio-proxy
    image: mcr.microsoft.com/oss/v2/istio/proxyv2:1.27.3
    securityContext:
      capabilities:
        add: [NET_ADMIN]
        drop: [ALL]
      runAsGroup: 1337
      runAsNonRoot: false
      runAsUser: 0`
	native = `
    restartPolicy: Always`
	app = `
  - name: app
    image: contoso.azurecr.io/shop/web:4.2`
	userInit = `
  - name: migrate
    image: contoso.azurecr.io/shop/migrate:4.2
    securityContext:
      capabilities:
        drop: [ALL]
      runAsUser: 1000`
	userSidecar = `
  - name: log-shipper
    image: contoso.azurecr.io/ops/logs:1
    restartPolicy: Always`
)

// injected are a pod's annotations after injection, with the injector's record.
func injected(initContainers, containers string) string {
	return `
    istio.io/rev: asm-1-27
    sidecar.istio.io/interceptionMode: REDIRECT
    sidecar.istio.io/status: '{"initContainers":` + initContainers + `,"containers":` + containers + `,"volumes":["workload-socket","istio-token"],"imagePullSecrets":null,"revision":"asm-1-27"}'`
}

// manifest puts a pod together. rest is what else stands in its spec.
func manifest(annotations, initContainers, containers, rest string) string {
	text := `apiVersion: v1
kind: Pod
metadata:
  name: web-6d4cf56db6-x2x9p
  namespace: shop
  creationTimestamp: "2026-11-02T08:00:00Z"
  labels:
    app: web
    pod-template-hash: 6d4cf56db6
  annotations:
    example.com/owner: team-shop` + annotations + `
  ownerReferences:
  - {apiVersion: apps/v1, kind: ReplicaSet, name: web-6d4cf56db6, uid: 3f1c, controller: true, blockOwnerDeletion: true}
spec:
  nodeName: aks-nodepool1-12345678-vmss000001`
	if initContainers != "" {
		text += "\n  initContainers:" + initContainers
	}
	if containers != "" {
		text += "\n  containers:" + containers
	}
	return text + rest + `
status:
  phase: Running
`
}

func parsePod(t *testing.T, text string) *corev1.Pod {
	t.Helper()
	data, err := yaml.ToJSON([]byte(text))
	if err != nil {
		t.Fatalf("the test's own manifest: %v\n%s", err, text)
	}
	pod := &corev1.Pod{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(pod); err != nil {
		t.Fatalf("the test's own manifest: %v\n%s", err, data)
	}
	return pod
}

func noLabels(string) bool { return false }

func TestPodFromNotesWhereAndWhose(t *testing.T) {
	deleted := parsePod(t, manifest(injected(`["istio-validation","istio-proxy"]`, `null`), istioValidation+istioProxy+native, app, ""))
	now := deleted.CreationTimestamp
	deleted.DeletionTimestamp = &now
	uid := int64(1337)
	want := &Pod{
		Namespace: "shop", Name: "web-6d4cf56db6-x2x9p",
		Created:  time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC),
		Workload: Workload{Kind: "Deployment", Namespace: "shop", Name: "web"},
		Node:     "aks-nodepool1-12345678-vmss000001", Phase: corev1.PodRunning, Terminating: true,
		Labels:   map[string]string{"app": "web"},
		Revision: "asm-1-27", InterceptionMode: "REDIRECT", HasProxy: true, NativeSidecar: true,
		Redirect: &Redirect{
			Name: "istio-validation", Capabilities: `{"drop":["ALL"]}`, RunAsUser: &uid,
			SecurityContext: `{"capabilities":{"drop":["ALL"]},"privileged":false,"runAsUser":1337,"runAsGroup":1337,"runAsNonRoot":true,"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":false}`,
		},
		Recorded: true, ProxyUser: &uid,
	}
	got := PodFrom(deleted, func(key string) bool { return key == "app" || key == "tier" })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is said of a pod's redirection, wherever its containers stand.
func TestPodFromFindsContainersByName(t *testing.T) {
	type facts struct {
		Redirect, Capabilities string
		User                   int64
		Proxy, Native          bool
		Privileged             []string
	}
	const privileged, harmless = `{"add":["NET_ADMIN","NET_RAW"],"drop":["ALL"]}`, `{"drop":["ALL"]}`
	for _, test := range []struct {
		name                       string
		initContainers, containers string
		want                       facts
	}{
		{"not injected", "", app, facts{User: -1}},
		{"not injected, with an init container of its own", userInit, app, facts{User: -1}},
		{"native sidecar, istio-init first", istioInit + istioProxy + native + userInit, app,
			facts{"istio-init", privileged, 0, true, true, []string{"istio-init"}}},
		{"native sidecar, istio-validation first", istioValidation + istioProxy + native + userInit, app,
			facts{"istio-validation", harmless, 1337, true, true, nil}},
		{"native sidecar, a later webhook put its own first", userInit + userSidecar + istioValidation + istioProxy + native, app,
			facts{"istio-validation", harmless, 1337, true, true, nil}},
		{"classic sidecar, istio-init last", userInit + istioInit, app + istioProxy,
			facts{"istio-init", privileged, 0, true, false, []string{"istio-init"}}},
		{"classic sidecar, istio-validation before the user's", istioValidation + userInit, app + istioProxy,
			facts{"istio-validation", harmless, 1337, true, false, nil}},
		{"classic sidecar in front of the app", istioValidation, istioProxy + app,
			facts{"istio-validation", harmless, 1337, true, false, nil}},
		{"a native sidecar of the user's does not make istio-proxy native", istioValidation + userSidecar, app + istioProxy,
			facts{"istio-validation", harmless, 1337, true, false, nil}},
		{"proxy without a redirect container", istioProxy + native, app, facts{User: -1, Proxy: true, Native: true}},
		{"istio-proxy as an init container that ends is no sidecar that stays", istioValidation + istioProxy, app,
			facts{"istio-validation", harmless, 1337, true, false, nil}},
		{"interception mode NONE, classic", "", app + istioProxy, facts{User: -1, Proxy: true}},
		{"gateway template", "", istioProxy, facts{User: -1, Proxy: true}},
		{"TPROXY with CNI", istioValidation + istioProxyTPROXY + native, app,
			facts{"istio-validation", harmless, 1337, true, true, []string{"istio-proxy"}}},
		{"TPROXY without CNI", istioInit + istioProxyTPROXY + native, app,
			facts{"istio-init", privileged, 0, true, true, []string{"istio-init", "istio-proxy"}}},
		{"both redirect containers: the privileged one tells", istioValidation + istioInit, app + istioProxy,
			facts{"istio-init", privileged, 0, true, false, []string{"istio-init"}}},
		{"both, the other way round", istioInit + istioValidation, app + istioProxy,
			facts{"istio-init", privileged, 0, true, false, []string{"istio-init"}}},
		{"istio-validation among the containers that keep running is no redirect container", "", app + istioValidation + istioProxy,
			facts{User: -1, Proxy: true}},
		{"names that only look alike", strings.ReplaceAll(istioInit, "name: istio-init", "name: istio-init-2"), app + strings.ReplaceAll(istioProxy, "name: istio-proxy", "name: istio-proxy-canary"),
			facts{User: -1, Privileged: []string{"istio-init-2"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := PodFrom(parsePod(t, manifest(injected(`[]`, `[]`), test.initContainers, test.containers, "")), noLabels)
			got := facts{User: -1, Proxy: pod.HasProxy, Native: pod.NativeSidecar, Privileged: pod.Privileged}
			if r := pod.Redirect; r != nil {
				got.Redirect, got.Capabilities = r.Name, r.Capabilities
				if r.RunAsUser != nil {
					got.User = *r.RunAsUser
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The table's column must read as what kubectl prints for the same container:
// that is how a person checks the one against the other.
func TestCapabilitiesReadAsKubectlPrintsThem(t *testing.T) {
	for _, test := range []struct{ name, securityContext, want string }{
		{"istio-init", `{capabilities: {add: [NET_ADMIN, NET_RAW], drop: [ALL]}, runAsUser: 0}`, `{"add":["NET_ADMIN","NET_RAW"],"drop":["ALL"]}`},
		{"istio-validation", `{capabilities: {drop: [ALL]}}`, `{"drop":["ALL"]}`},
		{"the order that was written", `{capabilities: {drop: [NET_RAW, ALL], add: [NET_RAW, NET_ADMIN]}}`, `{"add":["NET_RAW","NET_ADMIN"],"drop":["NET_RAW","ALL"]}`},
		{"only added", `{capabilities: {add: [NET_ADMIN]}}`, `{"add":["NET_ADMIN"]}`},
		{"nothing added or dropped", `{capabilities: {}}`, `{}`},
		{"empty lists", `{capabilities: {add: [], drop: []}}`, `{}`},
		{"null lists", `{capabilities: {add: null, drop: null}}`, `{}`},
		{"null", `{capabilities: null}`, ``},
		{"absent", `{runAsUser: 0}`, ``},
		{"an empty security context", `{}`, ``},
		{"no security context", `null`, ``},
		{"characters that JSON for HTML escapes", `{capabilities: {add: ["<NET&ADMIN>", "ä\"\\"]}}`, `{"add":["\u003cNET\u0026ADMIN\u003e","ä\"\\"]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := parsePod(t, manifest(injected(`["istio-init"]`, `["istio-proxy"]`), userInit+`
  - name: istio-init
    securityContext: `+test.securityContext, app+istioProxy, ""))
			got := PodFrom(pod, noLabels).Redirect.Capabilities
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if printed := asKubectlPrints(t, pod, `{.spec.initContainers[?(@.name=="istio-init")].securityContext.capabilities}`); got != printed {
				t.Errorf("got     %s\nkubectl %s", got, printed)
			}
		})
	}
}

// asKubectlPrints evaluates a template on the pod as the API server sends it.
func asKubectlPrints(t *testing.T, pod *corev1.Pod, template string) string {
	t.Helper()
	text, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	path := jsonpath.New("pod").AllowMissingKeys(true)
	if err := path.Parse(template); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := path.Execute(&b, object); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestContainersThatMayChangeTheNetwork(t *testing.T) {
	for _, test := range []struct {
		securityContext string
		want            bool
	}{
		{`{privileged: true}`, true},
		{`{privileged: true, capabilities: {drop: [ALL]}}`, true},
		{`{privileged: false}`, false},
		{`{allowPrivilegeEscalation: true, runAsUser: 0}`, false},
		{`{capabilities: {add: [NET_ADMIN]}}`, true},
		{`{capabilities: {add: [NET_RAW]}}`, true},
		{`{capabilities: {add: [ALL]}}`, true},
		{`{capabilities: {add: [CAP_NET_ADMIN]}}`, true},
		{`{capabilities: {add: [cap_net_raw]}}`, true},
		{`{capabilities: {add: [all]}}`, true},
		{`{capabilities: {add: [NET_BIND_SERVICE, SYS_TIME]}}`, false},
		{`{capabilities: {add: [NET_BIND_SERVICE, NET_ADMIN]}}`, true},
		{`{capabilities: {drop: [NET_ADMIN, NET_RAW, ALL]}}`, false},
		{`{capabilities: {add: [NET_ADMINISTRATION]}}`, false},
		{`{capabilities: {}}`, false},
		{`null`, false},
	} {
		for where, pod := range map[string]string{
			"init container": manifest("", "\n  - {name: it, securityContext: "+test.securityContext+"}", app, ""),
			"container":      manifest("", "", app+"\n  - {name: it, securityContext: "+test.securityContext+"}", ""),
		} {
			t.Run(where+" with "+test.securityContext, func(t *testing.T) {
				var want []string
				if test.want {
					want = []string{"it"}
				}
				if diff := cmp.Diff(want, PodFrom(parsePod(t, pod), noLabels).Privileged); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestPodFromReadsTheInjectorsRecord(t *testing.T) {
	for _, test := range []struct {
		name, annotations, containers, want string
	}{
		{"record and annotation", injected(`[]`, `["istio-proxy"]`), app + istioProxy, "asm-1-27"},
		{"the record wins", `
    istio.io/rev: prod
    sidecar.istio.io/status: '{"revision":"asm-1-28"}'`, app + istioProxy, "asm-1-28"},
		{"a record from before it had revisions", `
    istio.io/rev: asm-1-25
    sidecar.istio.io/status: '{"version":"4a4c","initContainers":["istio-init"]}'`, app + istioProxy, "asm-1-25"},
		{"a malformed record", `
    istio.io/rev: asm-1-25
    sidecar.istio.io/status: '{"revision":'`, app + istioProxy, "asm-1-25"},
		{"a record of another type", `
    istio.io/rev: asm-1-25
    sidecar.istio.io/status: '{"revision":27}'`, app + istioProxy, "asm-1-25"},
		{"a record that is not even an object", `
    istio.io/rev: asm-1-25
    sidecar.istio.io/status: injected`, app + istioProxy, "asm-1-25"},
		{"only a malformed record", `
    sidecar.istio.io/status: '}'`, app + istioProxy, ""},
		{"neither", "", app + istioProxy, ""},
		{"the annotation of a pod that has no proxy says nothing", `
    istio.io/rev: asm-1-27`, app, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := PodFrom(parsePod(t, manifest(test.annotations, "", test.containers, "")), noLabels).Revision; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestPodFromNotesWhatKeepsInjectionAway(t *testing.T) {
	for _, test := range []struct {
		name, annotations, rest string
		want                    Pod
	}{
		{"nothing", "", "", Pod{}},
		{"host network", "", "\n  hostNetwork: true", Pod{HostNetwork: true}},
		{"Windows by spec.os", "", "\n  os: {name: windows}", Pod{Windows: true}},
		{"Windows by node selector", "", "\n  nodeSelector: {kubernetes.io/os: windows}", Pod{Windows: true}},
		{"Linux, said twice", "", "\n  os: {name: linux}\n  nodeSelector: {kubernetes.io/os: linux}", Pod{}},
		{"asked not to, by annotation", "\n    sidecar.istio.io/inject: \"false\"", "", Pod{InjectAnnotation: "false"}},
		{"gateway template", "\n    inject.istio.io/templates: gateway", "", Pod{Template: "gateway"}},
		{"two templates", "\n    inject.istio.io/templates: sidecar,contoso", "", Pod{Template: "sidecar,contoso"}},
		{"interception mode NONE", "\n    sidecar.istio.io/interceptionMode: NONE", "", Pod{InterceptionMode: "NONE"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := PodFrom(parsePod(t, manifest(test.annotations, "", app, test.rest)), noLabels)
			got := Pod{
				HostNetwork: pod.HostNetwork, Windows: pod.Windows, InjectAnnotation: pod.InjectAnnotation,
				Template: pod.Template, InterceptionMode: pod.InterceptionMode,
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The facts about a pod hold no text of its containers: neither environment
// values nor arguments, which may be secrets.
func TestPodFromKeepsNoContainerText(t *testing.T) {
	const secret = "hunter2-contoso"
	pod := parsePod(t, manifest("", `
  - name: istio-init
    args: [`+secret+`]
    env: [{name: PASSWORD, value: `+secret+`}]`, `
  - name: app
    image: contoso.azurecr.io/`+secret+`
    command: [`+secret+`]
    env: [{name: PASSWORD, value: `+secret+`}]`+istioProxy, ""))
	pod.Annotations["example.com/token"], pod.Labels["token"] = secret, secret
	text, err := json.Marshal(PodFrom(pod, func(key string) bool { return key == RevisionLabel }))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), secret) {
		t.Errorf("kept: %s", text)
	}
}

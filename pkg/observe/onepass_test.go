package observe

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/azure"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

// What a snapshot must never hold. Each stands in the objects that are read.
const (
	secretInEnvironment = "planted-password-7f3c"
	secretInAnnotation  = "planted-annotation-91bd"
	secretInArguments   = "planted-argument-c04e"
	secretInConfigMap   = "planted-configmap-55aa"
	secretToken         = "eyJhbGciOiJSUzI1NiIsImtpZCI6InBsYW50ZWQifQ.cGxhbnRlZC10b2tlbg.c2lnbmF0dXJl"
	secretInAgent       = "planted-agent-variable-1d2e"
)

const manyPods = 5000

// cluster is an API server of which only the answers matter here: how often they
// are asked for, and what of them is kept.
type cluster struct {
	t *testing.T

	mu       sync.Mutex
	requests []string
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.requests = append(c.requests, r.URL.RequestURI())
	c.mu.Unlock()
	if r.Header.Get("Accept") == runtime.ContentTypeProtobuf {
		c.sendList(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(c.answer(r)); err != nil {
		c.t.Error(err)
	}
}

func (c *cluster) answer(r *http.Request) any {
	const system = "/namespaces/" + mesh.SystemNamespace
	switch path := r.URL.Path; path {
	case "/version":
		return map[string]string{"gitVersion": "v1.35.4"}
	case "/apis/apps/v1" + system + "/daemonsets/" + mesh.AgentDaemonSet:
		return agentDaemonSet()
	case "/api/v1" + system + "/configmaps":
		return corev1.ConfigMapList{TypeMeta: listOf("v1", "ConfigMap"), Items: []corev1.ConfigMap{{
			ObjectMeta: metav1.ObjectMeta{Name: "istio-sidecar-injector-asm-1-27"},
			Data:       map[string]string{"values": `{"pilot": {"cni": {"enabled": true}}, "secret": "` + secretInConfigMap + `"}`},
		}}}
	case "/api/v1" + system + "/configmaps/istio-cni-config":
		return corev1.ConfigMap{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: metav1.ObjectMeta{Name: "istio-cni-config"},
			Data: map[string]string{"EXCLUDE_NAMESPACES": "kube-system, legacy", "OTHER": secretInConfigMap},
		}
	case "/api/v1/events":
		return corev1.EventList{TypeMeta: listOf("v1", "Event"), Items: []corev1.Event{event(r.URL.Query().Get("fieldSelector"))}}
	default:
		if strings.Contains(path, "secrets") {
			c.t.Errorf("asked for %s", path)
		}
		return map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{}, "items": []any{}}
	}
}

func listOf(version, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: version, Kind: kind + "List"}
}

func event(selector string) corev1.Event {
	return corev1.Event{
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: "shop-0", Name: "web-0"},
		Reason:         strings.TrimPrefix(selector, "reason="), LastTimestamp: metav1.Now(),
		Message: `plugin type="istio-cni" failed: Unauthorized, header Authorization: Bearer ` + secretToken,
	}
}

func agentDaemonSet() appsv1.DaemonSet {
	ds := appsv1.DaemonSet{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "DaemonSet"}, ObjectMeta: metav1.ObjectMeta{Name: mesh.AgentDaemonSet}}
	ds.Spec.Template.Spec.Containers = []corev1.Container{{
		Name: mesh.AgentContainer, Env: []corev1.EnvVar{{Name: "OTHER", Value: secretInAgent}},
		EnvFrom: []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "istio-cni-config"}}}},
	}}
	return ds
}

// sendList sends all pods at once, as servers of this version are asked to, and
// nothing of other lists.
func (c *cluster) sendList(w http.ResponseWriter, r *http.Request) {
	list := &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "1"}}
	if r.URL.RequestURI() == "/api/v1/pods" {
		for i := range manyPods {
			list.Items = append(list.Items, injectedPod(i))
		}
	}
	serializer := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)
	if err := scheme.Codecs.EncoderForVersion(serializer, corev1.SchemeGroupVersion).Encode(list, w); err != nil {
		c.t.Error(err)
	}
}

// injectedPod is a pod of the mesh of realistic size, with secrets where people
// put them.
func injectedPod(i int) corev1.Pod {
	user, yes, no := int64(mesh.ProxyUID), true, false
	always := corev1.ContainerRestartPolicyAlways
	guarded := &corev1.SecurityContext{
		Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}, RunAsUser: &user, RunAsGroup: &user,
		RunAsNonRoot: &yes, ReadOnlyRootFilesystem: &yes, Privileged: &no, AllowPrivilegeEscalation: &no,
	}
	environment := []corev1.EnvVar{{Name: "DATABASE_PASSWORD", Value: secretInEnvironment}}
	for n := range 30 {
		environment = append(environment, corev1.EnvVar{Name: fmt.Sprintf("SETTING_%d", n), Value: strings.Repeat("x", 100)})
	}
	hash, controller := fmt.Sprintf("%x", sha256.Sum256([]byte{byte(i), byte(i >> 8)}))[:15], true
	name := fmt.Sprintf("service-%d", i/3)
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name + "-" + hash[:10] + "-" + hash[10:], Namespace: fmt.Sprintf("shop-%d", i%40), UID: types.UID(fmt.Sprintf("0b5f0e2e-0000-4000-8000-%012d", i)),
			CreationTimestamp: metav1.NewTime(time.Date(2026, 11, 1, i%24, i%60, 0, 0, time.UTC)),
			Labels:            map[string]string{"app": name, "pod-template-hash": hash[:10]},
			Annotations: map[string]string{
				mesh.StatusAnnotation: `{"initContainers":["istio-validation","istio-proxy"],"containers":null,"revision":"asm-1-27"}`,
				"contoso.example/key": secretInAnnotation,
			},
			OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: name + "-" + hash[:10], Controller: &controller}},
		},
		Spec: corev1.PodSpec{
			NodeName: fmt.Sprintf("aks-nodepool1-12345678-vmss%06d", i%200),
			InitContainers: []corev1.Container{
				{Name: mesh.ValidationContainer, SecurityContext: guarded, Args: []string{"--token=" + secretInArguments}},
				{Name: mesh.ProxyContainer, SecurityContext: guarded, RestartPolicy: &always, Env: environment},
			},
			Containers: []corev1.Container{{Name: "app", Image: "registry.example/app:1", Env: environment, Args: []string{"--password", secretInArguments}}},
		},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &metav1.Time{Time: time.Date(2026, 11, 1, i%24, i%60, 1, 0, time.UTC)}},
	}
}

func observerOf(t *testing.T, c *cluster) *Observer {
	t.Helper()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	config := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": "contoso-aks",
		"clusters": [{"name": "contoso-aks", "cluster": {"server": %q}}],
		"users": [{"name": "user", "user": {"token": %q}}],
		"contexts": [{"name": "contoso-aks", "context": {"cluster": "contoso-aks", "user": "user"}}]}`, server.URL, secretToken)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := genericclioptions.NewConfigFlags(true)
	*flags.KubeConfig = config
	client, err := kube.NewClient(flags, kube.Options{Warnings: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	return &Observer{Kube: client, Now: time.Now, Azure: AzureSource{
		Connect: func(context.Context, string) (*azure.Client, azure.Cloud, error) {
			return nil, azure.Cloud{}, errors.New("no sign-in")
		},
	}}
}

// A snapshot of 5,000 pods is made in one pass over their list, weighs less than
// 2 MB, and holds no secret of theirs.
func TestSnapshotIsOnePassSmallAndWithoutSecrets(t *testing.T) {
	c := &cluster{t: t}
	observation := observerOf(t, c).Observe(t.Context(), Wants{Nodes: true, Azure: true, Pods: &kube.Scope{}, Workloads: true, Diagnosis: true})
	if n := len(observation.Pods.Value); n != manyPods {
		t.Fatalf("%d pods were read", n)
	}
	c.onePass()
	var packed bytes.Buffer
	if err := observation.Save(&packed); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes packed", packed.Len())
	if packed.Len() >= 2_000_000 {
		t.Errorf("it weighs %d bytes", packed.Len())
	}
	unpacked, err := gzip.NewReader(&packed)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{secretInEnvironment, secretInAnnotation, secretInArguments, secretInConfigMap, secretToken, secretInAgent, "planted"} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("%q is in it", secret)
		}
	}
	for _, kept := range []string{"Unauthorized", `"excludedNamespaces":["kube-system","legacy"]`, "CNIChaining"} {
		if !bytes.Contains(text, []byte(kept)) {
			t.Errorf("%q is missing", kept)
		}
	}
}

// onePass fails the test if anything was asked for twice.
func (c *cluster) onePass() {
	seen, pods := map[string]bool{}, 0
	for _, request := range c.requests {
		if seen[request] {
			c.t.Errorf("asked twice for %s", request)
		}
		seen[request] = true
		if strings.HasPrefix(request, "/api/v1/pods") {
			pods++
		}
	}
	if pods != 1 {
		c.t.Errorf("the pods were read in %d requests", pods)
	}
}

package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
)

// From a cluster that is as it should be, through the switch, to one that is not:
// what check prints in every format, what a snapshot holds, and what somebody with
// few rights learns.
func TestDiagnosisOutputs(t *testing.T) {
	t.Parallel()
	l := newLab(t, box.Options{})
	l.silent(l.check())
	l.plugin("enable", "--yes", "--restart").must(t, 0)
	l.redirects = validation
	l.silent(l.check())
	l.exitCodes(t, 0)

	reader := l.as(t, box.User{Name: "neither-nodes-nor-events", ClusterRules: append(everythingButNodes(), rule("", "pods/log", "get"),
		rule("", "configmaps", "get"), rule("apps", "deployments", "list"), rule("apps", "replicasets", "list"), rule("apps", "statefulsets", "list"),
		rule("policy", "poddisruptionbudgets", "list"), rule("discovery.k8s.io", "endpointslices", "list"))})
	t.Run("few rights", reader.fewRights)

	l.ns = "shop"
	l.makeNamespace(inMesh())
	l.warn()
	l.exitCodes(t, 4, "--fail-on", "warning")
	l.plugin("check").must(t, 0)
	l.plugin("check", "--fail-on", "never").must(t, 0)

	pod := l.crashingPod()
	l.exitCodes(t, 3)
	l.plugin("check", "--fail-on", "never").must(t, 0)
	l.plugin("check", "--fail-on", "often").must(t, 2)
	golden(t, "diagnosis/describe a crashing pod", aged(l.plugin("describe", "pod/"+pod.Name, "-n", l.ns).must(t, 0)))
	golden(t, "diagnosis/check short", aged(l.plugin("check", "-o", "short").must(t, 3)))
	golden(t, "diagnosis/check", aged(l.plugin("check").must(t, 3)))
	l.snapshots(t, pod)
}

// as is the same lab for somebody else.
func (l *lab) as(t *testing.T, u box.User) *lab {
	t.Helper()
	file, err := l.KubeconfigFor(l.ctx(), u)
	l.must(err)
	return &lab{session: l.with("KUBECONFIG=" + file), Box: l.Box, redirects: l.redirects, ns: l.ns}
}

// exitCodes runs check in every format: the exit code is the same, and what is
// printed can be read.
func (l *lab) exitCodes(t *testing.T, code int, args ...string) {
	t.Helper()
	for format, parse := range map[string]func(string) error{
		"text": nil, "table": nil, "short": nil,
		"json":  func(s string) error { return yaml.UnmarshalStrict([]byte(s), &map[string]any{}) },
		"yaml":  func(s string) error { return yaml.UnmarshalStrict([]byte(s), &map[string]any{}) },
		"junit": func(s string) error { return xml.Unmarshal([]byte(s), &struct{ XMLName xml.Name }{}) },
	} {
		t.Run(strings.Join(append(args, format), " "), func(t *testing.T) {
			r := session{t, l.env}.plugin(append([]string{"check", "-o", format}, args...)...).must(t, code)
			if parse == nil {
				return
			}
			if err := parse(r.stdout); err != nil {
				t.Errorf("%v\n%s", err, r.stdout)
			}
		})
	}
}

// fewRights is what somebody learns who may read neither nodes nor events: rules
// that need them do not know, and say which permission would tell.
func (l *lab) fewRights(t *testing.T) {
	l.t = t
	r := l.check()
	var unknown []string
	said := map[string]bool{}
	for _, c := range r.Checks {
		if c.Outcome != "unknown" {
			continue
		}
		unknown = append(unknown, c.ID)
		for _, u := range c.Unknown {
			said[u.Needs] = true
			if u.What == "" || u.Needs == "" && u.Reason == "" {
				t.Errorf("%s does not say what it takes: %+v", c.ID, u)
			}
		}
	}
	for _, id := range []string{"ICNI203", "ICNI301", "ICNI307"} {
		if !slices.Contains(unknown, id) {
			t.Errorf("%s is not unknown: %v", id, unknown)
		}
	}
	for _, permission := range []string{"the permission to list nodes (cluster-wide)", "the permission to list events (cluster-wide)"} {
		if !said[permission] {
			t.Errorf("%q is not named: %v", permission, said)
		}
	}
	if len(r.Findings) > 0 {
		t.Errorf("found: %s", text(r.Findings))
	}
	l.exitCodes(t, 1)
	skip := strings.Join(unknown, ",")
	l.plugin("check", "--fail-on", "warning").must(t, 4)
	l.plugin("check", "--skip", skip).must(t, 0)
	l.plugin("check", "--skip", skip, "--fail-on", "warning").must(t, 0)
	has(t, l.plugin("check").must(t, 1).stdout, "the permission to list nodes (cluster-wide)", "the permission to list events (cluster-wide)")
}

// warn plants something that is no error: a pod that keeps its capabilities.
func (l *lab) warn() {
	l.t.Helper()
	l.deploy("tproxy", annotated("sidecar.istio.io/interceptionMode", "TPROXY"))
}

// Secrets of the application's and others.
const (
	secretValue      = "contoso-secret-value-1f0c"
	secretEnv        = "contoso-env-value-2e1d"
	secretAnnotation = "eyJhbGciOiJSUzI1NiJ9.contoso-annotation-3d2e.c2lnbmF0dXJl"
	secretEvent      = "eyJhbGciOiJSUzI1NiJ9.eyJjb250b3NvIjoiZXZlbnQtNGMzZiJ9.c2lnbmF0dXJl"
	secretBearer     = "contoso-bearer-5b40c0ffee"
)

// crashingPod plants a pod whose istio-validation fails on a node with a healthy
// agent, and whose specification and events hold secrets.
func (l *lab) crashingPod() *corev1.Pod {
	l.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "db"}, StringData: map[string]string{"password": secretValue}}
	_, err := l.Client.CoreV1().Secrets(l.ns).Create(l.ctx(), secret, metav1.CreateOptions{})
	l.must(err)
	l.holdAgent(node1, readySince(time.Hour))
	pods := l.deploy("web", held, onNode(node1), annotated("contoso.example/token", secretAnnotation), withEnv)
	l.crash(&pods[0], validation, unredirected, 0)
	l.event(&pods[0], notCreated, sandboxFailed+"request failed: Authorization: Bearer "+secretBearer+" and "+secretEvent)
	return &pods[0]
}

func withEnv(d *appsv1.Deployment) {
	d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "DB_PASSWORD", Value: secretEnv}}
}

// ages leaves out how long ago something was, which passes while one looks.
func ages(text string) string {
	return regexp.MustCompile(`\b(\d+(ms|[smhd]))+\b`).ReplaceAllString(text, "AGE")
}

// aged leaves out how long ago something was.
func aged(r result) result {
	r.stdout = ages(r.stdout)
	return r
}

// snapshots saves a snapshot, judges it, and looks for secrets in it.
func (l *lab) snapshots(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "contoso-aks.json.gz")
	l.plugin("snapshot", "--file", file).must(t, 0)
	live, saved := l.check(), l.check("--from", file)
	if diff := cmp.Diff(ages(text(live.all())), ages(text(saved.all()))); diff != "" {
		t.Errorf("findings (-live +saved):\n%s", diff)
	}
	if diff := cmp.Diff(live.Checks, saved.Checks); diff != "" {
		t.Errorf("checks (-live +saved):\n%s", diff)
	}
	if live.code != saved.code {
		t.Errorf("exit codes %d and %d", live.code, saved.code)
	}
	has(t, l.plugin("describe", "pod/"+pod.Name, "-n", l.ns, "--from", file).must(t, 0).stdout, validation, "exit code 126")

	packed, err := os.ReadFile(file)
	l.must(err)
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	l.must(err)
	content, err := io.ReadAll(unpacked)
	l.must(err)
	has(t, string(content), pod.Name, "(token)")
	hasNot(t, string(content), secretValue, secretEnv, secretAnnotation, "contoso-annotation-3d2e", secretEvent, "eyJjb250b3NvIjoiZXZlbnQtNGMzZiJ9", secretBearer)
	for _, format := range []string{"text", "json", "junit"} {
		r := l.plugin("check", "-o", format).must(t, 3)
		hasNot(t, r.stdout+r.stderr, secretValue, secretEnv, secretAnnotation, secretEvent, secretBearer)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

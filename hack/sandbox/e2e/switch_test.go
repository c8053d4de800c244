package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/sample"
)

const howToTable = `{range .items[*]}{.metadata.name}{"\t"}{.spec.initContainers[0].name}{"\t"}{.spec.initContainers[0].securityContext.capabilities}{"\n"}{end}`

const agentDaemonSet = "azure-service-mesh-istio-cni-addon-node"

// The how-to, from its first line to its last, in both directions.
func TestHowTo(t *testing.T) {
	t.Parallel()
	b := start(t, box.Options{})
	s := sessionOn(t, b)

	r := s.plugin("enable", "--yes").must(t, 0)
	has(t, r.stderr, "Azure has switched contoso-aks to CNIChaining", "ready on 3 of 3 Linux nodes")
	sparing(t, b)
	has(t, s.kubectl("get", "daemonset", "-n", "aks-istio-system", agentDaemonSet, "--no-headers"), " 3     3     3 ")

	r = s.plugin("label", "default", "--yes").must(t, 0)
	has(t, r.stderr, "namespace/default labelled istio.io/rev=asm-1-27")
	deploySample(t, s)
	sameAsHowTo(t, s, `istio-validation {"drop":["ALL"]}`)
	s.plugin("pods", "--verify").must(t, 0)
	has(t, s.plugin("status").must(t, 0).stdout, "6 secured", "nothing to do")

	r = s.plugin("disable", "--yes").must(t, 0)
	has(t, r.stderr, "6 are left with istio-validation", "details-v1-", "The node agent is gone")
	if r := s.run("kubectl", "get", "daemonset", "-n", "aks-istio-system", agentDaemonSet); r.code == 0 {
		t.Errorf("the DaemonSet is still there:\n%s", r.stdout)
	}
	r = s.plugin("restart", "--yes").must(t, 0)
	has(t, r.stderr, "Restarted 6 workloads")
	sameAsHowTo(t, s, `istio-init {"add":["NET_ADMIN","NET_RAW"],"drop":["ALL"]}`)
	r = s.plugin("pods", "--verify").must(t, 3)
	has(t, r.stderr, "6 privileged")

	r = s.plugin("enable", "--yes", "--restart").must(t, 0)
	has(t, r.stderr, "Restarted 6 workloads")
	if n := strings.Count(r.stdout, `istio-validation   {"drop":["ALL"]}`); n != 6 {
		t.Errorf("the proof names %d secured pods, want 6:\n%s", n, r.stdout)
	}
	r = s.plugin("enable", "--yes").must(t, 0)
	has(t, r.stderr, "nothing was written")
	if n := acceptedPuts(b); n != 3 {
		t.Errorf("%d changes were sent to Azure, want 3", n)
	}
}

// sparing makes sure that the switch asked Azure for no more than it had to: the
// group of the machines, the api-versions and the cluster before the change, none
// of them twice, and the cluster once more after the operation.
func sparing(t *testing.T, b *box.Box) {
	t.Helper()
	before, after, put := map[string]int{}, map[string]int{}, false
	for _, r := range b.ARM.Requests() {
		switch {
		case r.Method == http.MethodPut:
			put = true
		case put:
			after[r.Operation]++
		default:
			before[r.Operation]++
		}
	}
	want := map[string]int{"token": 1, "get-group": 1, "get-provider": 1, "get-cluster": 1}
	if diff := cmp.Diff(want, before); diff != "" {
		t.Errorf("requests to Azure before the change (-want +got):\n%s", diff)
	}
	// Polls are counted by time.
	delete(after, "poll")
	if diff := cmp.Diff(map[string]int{"get-cluster": 1}, after); diff != "" {
		t.Errorf("requests to Azure after the change (-want +got):\n%s", diff)
	}
}

func deploySample(t *testing.T, s session) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sample.yaml")
	if err := os.WriteFile(file, sample.Manifest(), 0o600); err != nil {
		t.Fatal(err)
	}
	s.kubectl("apply", "-n", "default", "-f", file)
	s.kubectl("wait", "--for=condition=Available", "--timeout=60s", "deployment", "--all")
	settleDown(t, s)
}

// settleDown waits until no pod is on its way out, which both tables would show.
func settleDown(t *testing.T, s session) {
	t.Helper()
	until(t, func() string {
		pods := s.kubectl("get", "pods", "--no-headers")
		if strings.Count(pods, "\n") != 6 || strings.Count(pods, " 2/2 ") != 6 {
			return "still unsettled:\n" + pods
		}
		return ""
	})
}

// sameAsHowTo compares the plugin's table with what the how-to's own command
// prints, in all but blanks.
func sameAsHowTo(t *testing.T, s session, each string) {
	t.Helper()
	settleDown(t, s)
	ours := blanks(s.plugin("pods", "--no-headers").must(t, 0).stdout)
	theirs := blanks(s.kubectl("get", "pods", "-o", "jsonpath="+howToTable))
	if ours != theirs {
		t.Errorf("ours:\n%s\nthe how-to's:\n%s", ours, theirs)
	}
	if n := strings.Count(ours, " "+each+"\n"); n != 6 {
		t.Errorf("%d pods with %s, want 6:\n%s", n, each, ours)
	}
	for _, deployment := range sample.Deployments() {
		has(t, ours, deployment+"-")
	}
}

func blanks(text string) string {
	return regexp.MustCompile(`[ \t]+`).ReplaceAllString(text, " ")
}

func acceptedPuts(b *box.Box) int {
	n := 0
	for _, r := range b.ARM.Requests() {
		if r.Method == http.MethodPut && (r.Status/100 == 2 && r.Fault == "" || strings.Contains(r.Fault, "applied")) {
			n++
		}
	}
	return n
}

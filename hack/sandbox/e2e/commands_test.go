package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/arm"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
)

// apply makes objects from YAML.
func (s session) apply(yaml string) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "objects.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.kubectl("apply", "-f", file)
}

// until runs check until it returns "", and fails with its last complaint.
func until(t *testing.T, check func() string) {
	t.Helper()
	complaint := ""
	for range 150 {
		if complaint = check(); complaint == "" {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Fatal(complaint)
}

func deployment(namespace, name, rest string) string {
	return `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ` + name + `, namespace: ` + namespace + `}
spec:
  selector: {matchLabels: {app: ` + name + `}}
` + rest + `
  template:
    metadata: {labels: {app: ` + name + `}}
    spec:
      containers: [{name: app, image: registry.example/app:1}]
`
}

func namespace(name, labels string) string {
	return "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", labels: {" + labels + "}}\n"
}

// Interrupted while Azure works, the change goes on, and the same command goes
// on with it; nothing is sent twice.
func TestInterruptedAndResumed(t *testing.T) {
	t.Parallel()
	b := start(t, box.Options{Timing: box.Timing{Timing: arm.Timing{Operation: 6 * time.Second}}})
	s := sessionOn(t, b)
	cmd, stdout, stderr := s.command(plugin(), "enable", "--yes")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, func() string {
		if acceptedPuts(b) == 0 {
			return "no change was sent"
		}
		return ""
	})
	time.Sleep(500 * time.Millisecond)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	interrupted := time.Now()
	r := s.finish(cmd, cmd.Wait(), stdout, stderr).must(t, 130)
	if took := time.Since(interrupted); took > 2*time.Second {
		t.Errorf("it took %s to end", took)
	}
	has(t, r.stderr, "interrupted", "goes on in Azure; run the same command again")

	r = s.plugin("enable", "--yes").must(t, 0)
	has(t, r.stderr, "already under way", "ready on 3 of 3 Linux nodes")
	if n := acceptedPuts(b); n != 1 {
		t.Errorf("%d changes were sent, want 1", n)
	}
	s.plugin("enable", "--yes").must(t, 0)
	if n := acceptedPuts(b); n != 1 {
		t.Errorf("%d changes were sent after running it again, want 1", n)
	}
}

func TestDryRunSendsNothing(t *testing.T) {
	t.Parallel()
	b := start(t, box.Options{})
	s := sessionOn(t, b)
	before := string(b.ARM.Document(""))
	golden(t, "commands/enable dry run", s.plugin("enable", "--dry-run"))
	golden(t, "commands/disable dry run", s.plugin("disable", "--dry-run"))
	r := s.plugin("label", "default", "--dry-run").must(t, 0)
	has(t, r.stdout, "istio.io/rev=asm-1-27")
	has(t, s.plugin("label", "default", "--dry-run=server").must(t, 0).stderr, "server dry run")
	r = s.plugin("enable").must(t, 2)
	has(t, r.stderr, "there is no terminal to ask at", "--yes")
	for _, request := range b.ARM.Requests() {
		if request.Method != http.MethodGet && request.Operation != "token" {
			t.Errorf("sent %s %s", request.Method, request.Path)
		}
	}
	if after := string(b.ARM.Document("")); before != after {
		t.Error("the cluster's document changed")
	}
	hasNot(t, s.kubectl("get", "namespace", "default", "--show-labels"), "istio.io/rev")

	// What a switch asks of Azure before it writes: each thing once.
	b.ARM.ClearRequests()
	s.plugin("enable", "--yes").must(t, 0)
	seen, before2 := map[string]bool{}, 0
	for _, request := range b.ARM.Requests() {
		if request.Method == http.MethodPut {
			break
		}
		if request.Operation == "token" {
			continue
		}
		before2++
		if key := request.Method + request.Path; seen[key] {
			t.Errorf("asked twice: %s", key)
		} else {
			seen[key] = true
		}
	}
	if before2 == 0 || before2 > 6 {
		t.Errorf("%d requests before the change, want at most 6", before2)
	}
}

// Every way to print pods.
func TestPodOutputs(t *testing.T) {
	t.Parallel()
	b := start(t, box.Options{Mechanism: arm.CNIChaining, Tags: map[string]string{"prod": "asm-1-27"}})
	s := sessionOn(t, b)
	s.apply(namespace("shop", "istio.io/rev: prod") + namespace("plain", "") + namespace("legacy", "istio-injection: enabled") + namespace("dangling", "istio.io/rev: asm-1-99") +
		deployment("shop", "cart", "") + deployment("plain", "plain", "") + deployment("legacy", "old", "") + deployment("dangling", "lost", "") + `---
apiVersion: v1
kind: Pod
metadata: {name: opted-out, namespace: shop, labels: {sidecar.istio.io/inject: "false"}}
spec: {containers: [{name: app, image: registry.example/app:1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: on-the-host, namespace: shop}
spec: {hostNetwork: true, containers: [{name: app, image: registry.example/app:1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: admin, namespace: shop}
spec: {containers: [{name: app, image: registry.example/app:1, securityContext: {capabilities: {add: [NET_ADMIN]}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: tproxy, namespace: shop, annotations: {sidecar.istio.io/interceptionMode: TPROXY}}
spec: {containers: [{name: app, image: registry.example/app:1}]}
`)
	for _, ns := range []string{"shop", "plain", "legacy", "dangling"} {
		until(t, func() string { return s.notReady(ns) })
	}
	for _, test := range []struct {
		name string
		args []string
		code int
	}{
		{"pods", []string{"-n", "shop"}, 0},
		{"pods of all namespaces", []string{"-A", "-l", "app"}, 0},
		{"pods wide", []string{"-n", "shop", "-o", "wide"}, 0},
		{"pods without headers", []string{"-n", "shop", "--no-headers"}, 0},
		{"pods by name", []string{"-n", "shop", "pod/tproxy", "admin"}, 0},
		{"pods by unknown name", []string{"-n", "shop", "nobody"}, 1},
		{"pods as names", []string{"-n", "shop", "-o", "name", "--field-selector", "metadata.name=admin"}, 0},
		{"pods as json", []string{"-n", "shop", "admin", "-o", "json"}, 0},
		{"pods as yaml", []string{"-n", "shop", "opted-out", "-o", "yaml"}, 0},
		{"pods by jsonpath", []string{"-n", "shop", "-o", `jsonpath={range .items[*]}{.metadata.name}{"\t"}{.redirect.name}{"\t"}{.redirect.capabilities}{"\n"}{end}`}, 0},
		{"pods by go-template", []string{"-n", "shop", "-o", `go-template={{range .items}}{{.metadata.name}}={{.state}} {{end}}`}, 0},
		{"pods in custom columns", []string{"-n", "shop", "-o", "custom-columns=POD:.metadata.name,STATE:.state"}, 0},
		{"pods verified", []string{"-A", "--verify"}, 3},
		{"pods verified as json", []string{"-n", "dangling", "--verify", "-o", "json"}, 3},
		{"pods of an empty namespace", []string{"-n", "kube-public"}, 0},
		{"pods in a bad format", []string{"-o", "xml"}, 2},
		{"pods with a bad selector", []string{"-l", "a in"}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := session{t, s.env}.plugin(append([]string{"pods"}, test.args...)...)
			golden(t, "commands/"+test.name, r)
			r.must(t, test.code)
		})
	}
	golden(t, "commands/status of a mixed mesh", s.plugin("status").must(t, 0))
	r := s.plugin("status", "-o", "json").must(t, 0)
	var status struct{ Kind, APIVersion string }
	if err := json.Unmarshal([]byte(r.stdout), &status); err != nil || status.Kind != "Status" || status.APIVersion != "istio-cni/v1" {
		t.Errorf("%v: %+v", err, status)
	}
	golden(t, "commands/restart dry run", s.plugin("restart", "-A", "--dry-run").must(t, 0))
}

// notReady names a pod that does not run yet.
func (s session) notReady(namespace string) string {
	s.t.Helper()
	phases := s.kubectl("get", "pods", "-n", namespace, "-o", `jsonpath={range .items[*]}{.metadata.name}={.status.phase} {end}`)
	if phases == "" {
		return "no pods in " + namespace
	}
	for pod := range strings.FieldsSeq(phases) {
		if !strings.HasSuffix(pod, "=Running") && !strings.HasSuffix(pod, "=Succeeded") {
			return pod
		}
	}
	return ""
}

func TestLabel(t *testing.T) {
	t.Parallel()
	b := start(t, box.Options{Revisions: []string{"asm-1-27", "asm-1-28"}, Tags: map[string]string{"prod": "asm-1-27"}})
	s := sessionOn(t, b)
	s.apply(namespace("shop", "team: shop") + namespace("legacy", "istio-injection: enabled, team: shop") + namespace("old", "istio.io/rev: asm-1-27"))
	for _, test := range []struct {
		name string
		args []string
		code int
	}{
		{"label, which revision", []string{"shop", "--yes"}, 2},
		{"label, unknown revision", []string{"shop", "--revision", "asm-1-26", "--yes"}, 1},
		{"label, a legacy label", []string{"legacy", "--revision", "prod", "--yes"}, 1},
		{"label, no namespace of the name", []string{"nowhere", "--revision", "prod", "--yes"}, 1},
		{"label, a system namespace", []string{"kube-system", "--revision", "prod", "--yes"}, 1},
		{"label, not asked", []string{"shop", "--revision", "prod"}, 2},
		{"label by selector, a legacy label", []string{"-l", "team=shop", "--revision", "prod", "--yes"}, 1},
		{"label by selector", []string{"-l", "team=shop", "--revision", "prod", "--yes", "--remove-legacy-label"}, 0},
		{"label all injected", []string{"--all-injected", "--revision", "asm-1-28", "--yes"}, 0},
		{"label again", []string{"--all-injected", "--revision", "asm-1-28", "--yes"}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := session{t, s.env}.plugin(append([]string{"label"}, test.args...)...)
			golden(t, "commands/"+test.name, r)
			r.must(t, test.code)
		})
	}
	labels := s.kubectl("get", "namespaces", "shop", "legacy", "old", "--no-headers", "-L", "istio.io/rev,istio-injection")
	if n := strings.Count(labels, "asm-1-28"); n != 3 || strings.Contains(labels, "enabled") {
		t.Errorf("labels:\n%s", labels)
	}

	// Both revisions follow the switch, and pods moved to another one are stale.
	s.apply(deployment("shop", "cart", ""))
	until(t, func() string { return s.notReady("shop") })
	r := s.plugin("enable", "--yes", "--restart").must(t, 0)
	has(t, r.stderr, "an upgrade of the mesh is in progress (asm-1-27 and asm-1-28)", "restarted shop/deployment/cart")
	has(t, s.plugin("status").must(t, 0).stdout, "CNIChaining (injector of asm-1-27)", "CNIChaining (injector of asm-1-28)")
	s.plugin("label", "shop", "--revision", "prod", "--yes").must(t, 0)
	has(t, s.plugin("restart", "-n", "shop", "--yes").must(t, 0).stderr, "injected by asm-1-28, not asm-1-27")
	has(t, s.plugin("pods", "-n", "shop", "-o", "wide").must(t, 0).stdout, "asm-1-27")
}

func TestRestart(t *testing.T) {
	t.Parallel()
	b := start(t, box.Options{ClassicSidecars: true})
	s := sessionOn(t, b)
	s.apply(namespace("shop", "istio.io/rev: asm-1-27") +
		deployment("shop", "web", "  replicas: 3") + deployment("shop", "one", "") + deployment("shop", "recreated", "  strategy: {type: Recreate}") +
		deployment("shop", "paused", "") + deployment("shop", "guarded", "  replicas: 2") + `---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: guard, namespace: shop}
spec: {minAvailable: 2, selector: {matchLabels: {app: guarded}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: app, image: registry.example/app:1}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: partitioned, namespace: shop}
spec:
  serviceName: partitioned
  replicas: 2
  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 1}}
  selector: {matchLabels: {app: partitioned}}
  template: {metadata: {labels: {app: partitioned}}, spec: {containers: [{name: app, image: registry.example/app:1}]}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: everywhere, namespace: shop}
spec:
  selector: {matchLabels: {app: everywhere}}
  template: {metadata: {labels: {app: everywhere}}, spec: {containers: [{name: app, image: registry.example/app:1}]}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: by-hand, namespace: shop}
spec:
  updateStrategy: {type: OnDelete}
  selector: {matchLabels: {app: by-hand}}
  template: {metadata: {labels: {app: by-hand}}, spec: {containers: [{name: app, image: registry.example/app:1}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: bare, namespace: shop}
spec: {containers: [{name: app, image: registry.example/app:1}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: batch, namespace: shop}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: app, image: registry.example/app:1}]}}}
`)
	until(t, func() string { return s.notReady("shop") })
	s.kubectl("rollout", "pause", "deployment/paused", "-n", "shop")
	s.kubectl("wait", "-n", "shop", "--for=condition=Available", "deployment", "--all")
	s.plugin("enable", "--yes").must(t, 0)

	golden(t, "commands/restart plan", s.plugin("restart", "-n", "shop", "--dry-run").must(t, 0))
	has(t, s.plugin("restart", "-n", "shop", "--dry-run=server").must(t, 0).stderr, "the API server accepts the restart of 6 workloads")
	golden(t, "commands/restart of an unknown workload", s.plugin("restart", "-n", "shop", "deployment/none", "--yes").must(t, 1))
	golden(t, "commands/restart of something else", s.plugin("restart", "-n", "shop", "web", "--yes").must(t, 2))
	r := s.plugin("restart", "-n", "shop", "deploy/web", "--yes").must(t, 0)
	has(t, r.stderr, "Restarted 1 workload.")
	r = s.plugin("restart", "-n", "shop", "deploy/web", "--yes").must(t, 0)
	has(t, r.stderr, "Nothing to restart")
	r = s.plugin("restart", "-n", "shop", "deploy/web", "--all", "--yes", "--wait=false").must(t, 0)
	has(t, r.stderr, "Started the restart of 1 workload.")
	until(t, func() string { return s.notReady("shop") })

	// A rollout whose pods are refused stops the rest, and says why.
	s.kubectl("label", "namespace", "shop", "pod-security.kubernetes.io/enforce=restricted")
	r = s.plugin("restart", "-n", "shop", "--yes", "--max-parallel", "1").must(t, 1)
	has(t, r.stderr, "cannot restart daemonset/everywhere in namespace shop", "violates PodSecurity", "4 workloads were not restarted", "run the same command again")
	s.kubectl("label", "namespace", "shop", "pod-security.kubernetes.io/enforce-")
	r = s.plugin("restart", "-n", "shop", "--yes", "--timeout", "90s").must(t, 0)
	has(t, r.stderr, "Restarted 5 workloads.")
	has(t, s.plugin("pods", "-n", "shop", "-l", "app=db").must(t, 0).stdout, "istio-validation")
	r = s.plugin("restart", "-n", "shop", "--yes").must(t, 0)
	has(t, r.stderr, "NOT RESTARTED", "pod/bare", "daemonset/by-hand", "statefulset/partitioned", "deployment/paused")
}

// Node pools that take no part, and one that was documented not to work.
func TestOtherNodePools(t *testing.T) {
	t.Parallel()
	b := start(t, box.Options{Scenarios: []string{arm.ScenarioWindows, arm.ScenarioUbuntu2004}})
	s := sessionOn(t, b)
	r := s.plugin("enable", "--yes").must(t, 0)
	golden(t, "commands/enable with other node pools", r)
	has(t, r.stderr, "Ubuntu 20.04", "Windows nodes take no part", "ready on 4 of 4 Linux nodes")
	golden(t, "commands/revisions", s.plugin("revisions").must(t, 0))
	golden(t, "commands/feature show", s.plugin("feature", "show").must(t, 0))

	if err := b.ARM.SetScenarios(arm.ScenarioPreviewOnly, arm.ScenarioUbuntu2004); err != nil {
		t.Fatal(err)
	}
	golden(t, "commands/enable on Ubuntu 20.04 with a preview", s.plugin("enable", "--yes").must(t, 1))
	golden(t, "commands/feature show, needed", s.plugin("feature", "show").must(t, 0))
	golden(t, "commands/feature register", s.plugin("feature", "register", "--yes").must(t, 0))
	golden(t, "commands/feature register again", s.plugin("feature", "register", "--yes").must(t, 0))
	golden(t, "commands/feature unregister", s.plugin("feature", "unregister", "--yes").must(t, 0))
	golden(t, "commands/feature register, not asked", s.plugin("feature", "register").must(t, 2))
}

// What is watched is shown when it changes, until it is interrupted.
func TestWatch(t *testing.T) {
	t.Parallel()
	b := start(t, box.Options{})
	s := sessionOn(t, b)
	s.apply(namespace("shop", "istio.io/rev: asm-1-27"))
	cmd, stdout, stderr := s.command(plugin(), "pods", "-n", "shop", "--watch")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	s.apply(deployment("shop", "cart", ""))
	until(t, func() string { return s.notReady("shop") })
	time.Sleep(time.Second)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	r := s.finish(cmd, cmd.Wait(), stdout, stderr).must(t, 0)
	has(t, r.stdout, "cart-", "istio-init")
	if n := strings.Count(r.stdout, "\n"); n > 3 {
		t.Errorf("a starting pod took %d lines:\n%s", n, r.stdout)
	}
}

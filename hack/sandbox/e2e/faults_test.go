package e2e

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/arm"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
)

// What a user sees of each fault that Azure can have, how the program exits, and
// that nothing was lost or written twice. The golden files are the messages.
func TestFaults(t *testing.T) {
	t.Parallel()
	b := start(t, box.Options{})
	enable := []string{"enable", "--yes"}
	for _, test := range []struct {
		name      string
		faults    []string
		scenarios []string
		args      []string
		code      int
		// puts is how many changes Azure accepts, and switched whether CNIChaining is
		// what it has noted as wanted in the end.
		puts     int
		switched bool
	}{
		{name: "read throttled", faults: []string{"get-cluster:status=429:retry-after=1"}, args: enable, puts: 1, switched: true},
		{name: "read 503 once", faults: []string{"get-cluster:status=503"}, args: enable, puts: 1, switched: true},
		{name: "read 500 always", faults: []string{"get-cluster:status=500:times=always"}, args: enable, code: 1},
		{name: "read 502 always", faults: []string{"get-cluster:status=502:times=always"}, args: []string{"status"}, code: 0},
		{name: "read reset", faults: []string{"get-cluster:reset"}, args: enable, puts: 1, switched: true},
		{name: "write throttled", faults: []string{"put-cluster:status=429:retry-after=1"}, args: enable, puts: 1, switched: true},
		{name: "write 500", faults: []string{"put-cluster:status=500"}, args: enable, puts: 1, switched: true},
		{name: "write 502", faults: []string{"put-cluster:status=502"}, args: enable, puts: 1, switched: true},
		{name: "write 503 but accepted", faults: []string{"put-cluster:status=503:applied"}, args: enable, puts: 1, switched: true},
		{name: "write reset", faults: []string{"put-cluster:reset"}, args: enable, puts: 1, switched: true},
		{name: "write reset but accepted", faults: []string{"put-cluster:reset:applied"}, args: enable, puts: 1, switched: true},
		{name: "token expired", faults: []string{"get-cluster:expired-token:times=always"}, args: enable, code: 1},
		{name: "token expired while following", faults: []string{"poll:expired-token:times=always"}, args: enable, code: 1, puts: 1, switched: true},
		{name: "read forbidden", faults: []string{"get-cluster:forbidden:times=always"}, args: enable, code: 1},
		{name: "write forbidden", faults: []string{"put-cluster:forbidden"}, args: enable, code: 1},
		{name: "operation not allowed", faults: []string{"put-cluster:operation-not-allowed"}, args: enable, puts: 1, switched: true},
		{name: "operation not allowed, not waiting", faults: []string{"put-cluster:operation-not-allowed"}, args: []string{"enable", "--yes", "--wait=false"}, code: 1},
		{name: "etag mismatch", faults: []string{"put-cluster:etag-mismatch"}, args: enable, puts: 1, switched: true},
		{name: "precondition failed", faults: []string{"put-cluster:precondition-failed"}, args: enable, puts: 1, switched: true},
		{name: "operation failed", faults: []string{"operation:failed"}, args: enable, code: 1, puts: 1, switched: true},
		{name: "operation canceled", faults: []string{"operation:canceled"}, args: enable, code: 1, puts: 1, switched: true},
		{name: "operation never ends", faults: []string{"operation:never"}, args: []string{"enable", "--yes", "--timeout=6s"}, code: 124, puts: 1, switched: true},
		{name: "another operation runs", scenarios: []string{arm.ScenarioBusy}, args: enable, puts: 1, switched: true},
		{name: "stopped", scenarios: []string{arm.ScenarioStopped}, args: enable, code: 1},
		{name: "preview only", scenarios: []string{arm.ScenarioPreviewOnly}, args: enable, code: 1},
		{name: "preview only, registering", scenarios: []string{arm.ScenarioPreviewOnly}, args: []string{"enable", "--yes", "--register-feature"}, puts: 1, switched: true},
		{name: "revision too old", scenarios: []string{arm.ScenarioRevision24}, args: enable, code: 1},
		{name: "mesh disabled", scenarios: []string{arm.ScenarioMeshDisabled}, args: enable, code: 1},
		{name: "provider not registered", scenarios: []string{arm.ScenarioUnregistered}, args: enable, code: 1},
		{name: "last operation failed", scenarios: []string{arm.ScenarioProvisioningFailed}, args: enable, puts: 1, switched: true},
		{name: "read-only members refused", scenarios: []string{arm.ScenarioStrictReadOnly}, args: enable, puts: 1, switched: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			afresh(t, b, test.scenarios...)
			before := document(t, b)
			if err := b.ARM.AddFaults(test.faults...); err != nil {
				t.Fatal(err)
			}
			r := sessionOn(t, b).plugin(test.args...)
			golden(t, "faults/"+test.name, r)
			r.must(t, test.code)
			if n := acceptedPuts(b); n != test.puts {
				t.Errorf("Azure accepted %d changes, want %d", n, test.puts)
			}
			b.ARM.ClearFaults()
			waitForOperation(t, b)
			after := document(t, b)
			if got := mechanism(after) == "CNIChaining"; got != test.switched {
				t.Errorf("the mechanism is %q", mechanism(after))
			}
			if diff := cmp.Diff(unswitched(before), unswitched(after)); diff != "" {
				t.Errorf("the document changed besides (-before +after):\n%s", diff)
			}
		})
	}
}

// After an operation that failed, the same command tries again: Azure notes the
// mechanism as wanted although the cluster does not follow.
func TestFailedOperationIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := start(t, box.Options{Faults: []string{"operation:failed"}})
	s := sessionOn(t, b)
	s.plugin("enable", "--yes").must(t, 1)
	has(t, s.plugin("status").must(t, 0).stdout, "CNIChaining (Azure", "InitContainers (injector", "Failed", "kubectl istio-cni enable")
	r := s.plugin("enable", "--yes").must(t, 0)
	has(t, r.stderr, "the last operation on the cluster ended Failed", "ready on 3 of 3 Linux nodes")
	r = s.plugin("enable", "--yes").must(t, 0)
	has(t, r.stderr, "nothing was written")
	if n := acceptedPuts(b); n != 2 {
		t.Errorf("%d changes were sent, want 2", n)
	}
}

// afresh puts cluster and Azure back to where they began.
func afresh(t *testing.T, b *box.Box, scenarios ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := b.ARM.SetScenarios(scenarios...); err != nil {
		t.Fatal(err)
	}
	if err := b.Cluster.Reconcile(ctx, arm.InitContainers); err != nil {
		t.Fatal(err)
	}
	b.ARM.ClearFaults()
	b.ARM.ClearRequests()
}

// document is the cluster as the simulated Azure stores it.
func document(t *testing.T, b *box.Box) map[string]any {
	t.Helper()
	var parsed map[string]any
	if err := json.Unmarshal(b.ARM.Document(""), &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed
}

func properties(document map[string]any) map[string]any {
	p, _ := document["properties"].(map[string]any)
	return p
}

func istioProfile(document map[string]any) map[string]any {
	profile, _ := properties(document)["serviceMeshProfile"].(map[string]any)
	istio, _ := profile["istio"].(map[string]any)
	return istio
}

func mechanism(document map[string]any) string {
	components, _ := istioProfile(document)["components"].(map[string]any)
	value, _ := components["proxyRedirectionMechanism"].(string)
	return value
}

// unswitched is a document without what a switch may change: the mechanism, and
// what Azure itself keeps up to date.
func unswitched(document map[string]any) map[string]any {
	text, _ := json.Marshal(document)
	var clone map[string]any
	_ = json.Unmarshal(text, &clone)
	delete(clone, "eTag")
	delete(properties(clone), "provisioningState")
	pools, _ := properties(clone)["agentPoolProfiles"].([]any)
	for _, pool := range pools {
		if p, ok := pool.(map[string]any); ok {
			delete(p, "eTag")
			delete(p, "provisioningState")
		}
	}
	if istio := istioProfile(clone); istio != nil {
		components, _ := istio["components"].(map[string]any)
		delete(components, "proxyRedirectionMechanism")
		if len(components) == 0 {
			delete(istio, "components")
		}
	}
	return clone
}

// waitForOperation waits until the simulated Azure is at rest.
func waitForOperation(t *testing.T, b *box.Box) {
	t.Helper()
	for range 30 {
		state, _ := properties(document(t, b))["provisioningState"].(string)
		if state != "Updating" {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

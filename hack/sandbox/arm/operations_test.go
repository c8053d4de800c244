package arm

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// recorder is a cluster's Reconcile that remembers what it was asked for.
type recorder struct {
	mu         sync.Mutex
	mechanisms []string
	fail       error
	// hold makes it wait for its context to end.
	hold bool
}

func (r *recorder) follows(c *Config) { c.Cluster.Reconcile = r.reconcile }

func (r *recorder) reconcile(ctx context.Context, mechanism string) error {
	r.mu.Lock()
	r.mechanisms = append(r.mechanisms, mechanism)
	fail, hold := r.fail, r.hold
	r.mu.Unlock()
	if hold {
		<-ctx.Done()
		return ctx.Err()
	}
	return fail
}

func (r *recorder) seen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.mechanisms)
}

func (r *recorder) set(fail error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = fail
}

func TestOperationGoesThroughTheRecordedStatuses(t *testing.T) {
	a := start(t, func(c *Config) { c.Timing.Operation = time.Second })
	put := a.put(a.edited(stable, to(CNIChaining)), stable, nil)
	statuses, last := a.follow(put)
	equal(t, "statuses", strings.Join(statuses, " "), "InProgress ProvisioningControlPlane ReconcilingAddons Succeeded")
	url := put.header.Get("Azure-AsyncOperation")
	if !strings.Contains(url, "/operations/"+last.text("name")+"?api-version=2025-03-01&t=") {
		t.Errorf("the operation %s is at %.150s", last.text("name"), url)
	}
	if len(url) < 3000 || len(url) > 5000 {
		t.Errorf("the URL has %d bytes", len(url))
	}
	for _, member := range []string{"startTime", "endTime"} {
		if _, err := time.Parse(time.RFC3339Nano, last.text(member)); err != nil {
			t.Error(err)
		}
	}
}

func TestETagsChangeWhenTheOperationSucceeds(t *testing.T) {
	a := start(t)
	etags := func() []string {
		document := parsed(t, a.get(clusterPath, stable).body)
		all := []string{document.str("eTag")}
		for _, pool := range document.items("properties", "agentPoolProfiles") {
			all = append(all, pool.str("eTag"))
		}
		return all
	}
	before := etags()
	put := a.put(a.edited(stable, to(CNIChaining)), stable, http.Header{"If-Match": {before[0]}})
	equal(t, "eTag of the answer", put.text("eTag"), before[0])
	a.follow(put)
	for i, etag := range etags() {
		if !isGUID(etag) || etag == before[i] {
			t.Errorf("eTag %d went from %s to %s", i, before[i], etag)
		}
	}
}

func TestOneOperationAtATime(t *testing.T) {
	a := start(t, func(c *Config) { c.Timing.Operation = time.Hour })
	body := a.edited(stable, to(CNIChaining))
	equal(t, "first", a.put(body, stable, nil).status, 200)
	second := a.put(body, stable, nil)
	equal(t, "second", second.status, 409)
	equal(t, "code", second.code(), "OperationNotAllowed")
	equal(t, "wrapped", second.text("error"), "")
	for _, part := range []string{"in progress", "managed cluster operation (operation ID: "} {
		if !strings.Contains(second.text("message"), part) {
			t.Errorf("%q does not say %q", second.text("message"), part)
		}
	}
}

func TestReconcileDecides(t *testing.T) {
	followed := &recorder{fail: errors.New("the node agent did not start")}
	a := start(t, followed.follows)
	etag := a.stored("eTag")
	statuses, last := a.follow(a.put(a.edited(stable, to(CNIChaining)), stable, nil))
	equal(t, "status", statuses[len(statuses)-1], "Failed")
	if !strings.Contains(last.text("error", "message"), "the node agent did not start") {
		t.Errorf("the error is %s", last.text("error"))
	}
	equal(t, "state", a.stored("properties", "provisioningState"), "Failed")
	equal(t, "mechanism", a.stored(mechanismPath()...), CNIChaining)
	equal(t, "eTag", a.stored("eTag"), etag)

	// The same PUT again carries the change out, though the document has it.
	followed.set(nil)
	a.follow(a.put(a.edited(stable, to(CNIChaining)), stable, nil))
	equal(t, "state", a.stored("properties", "provisioningState"), "Succeeded")
	// And once it is carried out, it is not carried out again.
	a.follow(a.put(a.edited(stable, to(CNIChaining)), stable, nil))
	equal(t, "reconciled", strings.Join(followed.seen(), " "), "CNIChaining CNIChaining")
}

func TestAbort(t *testing.T) {
	followed := &recorder{hold: true}
	a := start(t, followed.follows)
	put := a.put(a.edited(stable, to(CNIChaining)), stable, nil)
	eventually(t, "the change is carried out", func() bool { return len(followed.seen()) == 1 })
	aborted := a.send("POST", clusterPath+"/abort?api-version="+stable, "", nil)
	equal(t, "status", aborted.status, 202)
	statuses, last := a.follow(put)
	equal(t, "update", statuses[len(statuses)-1], "Canceled")
	equal(t, "error", last.text("error", "code"), "OperationPreempted")
	statuses, _ = a.follow(aborted)
	equal(t, "abort", statuses[len(statuses)-1], "Succeeded")
	equal(t, "state", a.stored("properties", "provisioningState"), "Canceled")
	location, _ := strings.CutPrefix(aborted.header.Get("Location"), a.url)
	equal(t, "result", a.send("GET", location, "", nil).status, 204)

	again := a.send("POST", clusterPath+"/abort?api-version="+stable, "", nil)
	equal(t, "nothing to abort", again.status, 409)
}

func TestResultOfARunningOperation(t *testing.T) {
	a := start(t, func(c *Config) { c.Timing.Operation = time.Hour })
	put := a.put(a.edited(stable, nil), stable, nil)
	url, _ := strings.CutPrefix(put.header.Get("Azure-AsyncOperation"), a.url)
	// The signature is of the whole path: results have one of their own.
	equal(t, "another path", a.send("GET", strings.Replace(url, "/operations/", "/operationresults/", 1), "", nil).status, 403)
}

func TestOperationURLIsSigned(t *testing.T) {
	a := start(t)
	put := a.put(a.edited(stable, nil), stable, nil)
	url, _ := strings.CutPrefix(put.header.Get("Azure-AsyncOperation"), a.url)
	a.follow(put)
	path, query, _ := strings.Cut(url, "?")
	for name, tampered := range map[string]string{
		"no signature":      path + "?api-version=2025-03-01",
		"other signature":   strings.Replace(url, "&s=", "&s=A", 1),
		"other hash":        strings.Replace(url, "&h=", "&h=A", 1),
		"other time":        strings.Replace(url, "&t=", "&t=1", 1),
		"other certificate": strings.Replace(url, "&c=", "&c=A", 1),
		"other operation":   path[:strings.LastIndex(path, "/")+1] + newGUID() + "?" + query,
	} {
		got := a.send("GET", tampered, "", nil)
		equal(t, name, got.status, 403)
		equal(t, name, got.header.Get("X-Ms-Failure-Cause"), "gateway")
	}
	equal(t, "whole", a.send("GET", url, "", nil).status, 200)
	equal(t, "no token", a.send("GET", url, "", http.Header{"Authorization": nil}).status, 401)
	a.Reset()
	gone := a.send("GET", url, "", nil)
	equal(t, "forgotten", gone.status, 404)
	equal(t, "forgotten", gone.code(), "NotFound")
}

func TestOutcomes(t *testing.T) {
	for _, test := range []struct {
		fault, status, code string
		reconciled          int
	}{
		{"operation:failed", "Failed", "InternalOperationError", 0},
		{"operation:failed:applied:code=NodeImageFault", "Failed", "NodeImageFault", 1},
		{"operation:canceled", "Canceled", "OperationPreempted", 0},
	} {
		t.Run(test.fault, func(t *testing.T) {
			followed := &recorder{}
			a := start(t, followed.follows, withFaults(test.fault))
			statuses, last := a.follow(a.put(a.edited(stable, to(CNIChaining)), stable, nil))
			equal(t, "poll", last.status, 200)
			equal(t, "status", statuses[len(statuses)-1], test.status)
			equal(t, "code", last.text("error", "code"), test.code)
			equal(t, "state", a.stored("properties", "provisioningState"), test.status)
			equal(t, "reconciled", len(followed.seen()), test.reconciled)
			// The fault strikes once: the next operation succeeds.
			a.follow(a.put(a.edited(stable, to(CNIChaining)), stable, nil))
			equal(t, "state", a.stored("properties", "provisioningState"), "Succeeded")
			equal(t, "reconciled", len(followed.seen()), 1)
		})
	}
}

func TestOperationThatNeverEnds(t *testing.T) {
	a := start(t, withFaults("operation:never"))
	put := a.put(a.edited(stable, to(CNIChaining)), stable, nil)
	url, _ := strings.CutPrefix(put.header.Get("Azure-AsyncOperation"), a.url)
	status := func() string { return a.send("GET", url, "", nil).text("status") }
	eventually(t, "it reconciles", func() bool { return status() == "ReconcilingAddons" })
	time.Sleep(2 * a.cfg.Timing.Operation)
	equal(t, "status", status(), "ReconcilingAddons")
	equal(t, "abort", a.send("POST", clusterPath+"/abort?api-version="+stable, "", nil).status, 202)
	statuses, _ := a.follow(put)
	equal(t, "status", statuses[len(statuses)-1], "Canceled")
}

func TestCloseEndsWhatRuns(t *testing.T) {
	followed := &recorder{hold: true}
	a := start(t, followed.follows)
	a.put(a.edited(stable, to(CNIChaining)), stable, nil)
	eventually(t, "the change is carried out", func() bool { return len(followed.seen()) == 1 })
	a.Close() // hangs if Reconcile is not told to stop
	equal(t, "after the end", a.get(clusterPath, stable).status, 200)
}

func TestOperationsAreBounded(t *testing.T) {
	a := start(t)
	a.mu.Lock()
	defer a.mu.Unlock()
	for range maxOperations + 10 {
		a.world.add(&operation{cluster: a.world.clusters[0]})
	}
	equal(t, "operations", len(a.world.operations), maxOperations)
	equal(t, "their order", len(a.world.recent), maxOperations)
}

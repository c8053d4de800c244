package snapshot

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

// saved is what a small snapshot is saved as.
func saved(tb testing.TB) (*Snapshot, []byte) {
	tb.Helper()
	s := New(time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC))
	s.Context = Context{Name: "contoso-aks", Server: "contoso-1234.hcp.westeurope.azmk8s.io"}
	s.Nodes = Part[[]Node]{State: Denied, Reason: "the API server denies it", Needs: "the permission to list nodes"}
	s.Pods = Found([]*mesh.Pod{{Namespace: "shop", Name: "web-1", HasProxy: true, Failures: []mesh.Failure{{Container: "istio-validation", ExitCode: 126}}}})
	s.Logs = []Log{{LogRequest{Namespace: "shop", Pod: "web-1", Container: "istio-validation"}, Found("not redirected")}}
	var b bytes.Buffer
	if err := s.Save(&b); err != nil {
		tb.Fatal(err)
	}
	return s, b.Bytes()
}

func TestLoadGivesWhatWasSaved(t *testing.T) {
	s, packed := saved(t)
	loaded, err := Load(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, loaded); diff != "" {
		t.Errorf("(-saved +loaded):\n%s", diff)
	}
	if text := loaded.Log(LogRequest{Namespace: "shop", Pod: "web-1", Container: "istio-validation"}); text.Value != "not redirected" {
		t.Errorf("log: %+v", text)
	}
	if text := loaded.Log(LogRequest{Namespace: "shop", Pod: "web-2", Container: "istio-validation"}); text.State != NotAsked {
		t.Errorf("a log that was not read: %+v", text)
	}
}

// What has been unpacked can be read as well, and a part that an older program
// did not save is one that was not asked for.
func TestLoadReadsBareAndOlderFiles(t *testing.T) {
	loaded, err := Load(strings.NewReader(`{"apiVersion": "istio-cni/v1", "kind": "Snapshot", "taken": "2026-11-02T08:00:00Z", "pods": {"state": "read"}, "somethingNewer": 1}`))
	if err != nil {
		t.Fatal(err)
	}
	if loaded.Pods.State != Read || loaded.Events.State != NotAsked || loaded.Nodes.Known() {
		t.Errorf("got %+v", loaded)
	}
}

func TestLoadRefusesWhatIsNoSnapshot(t *testing.T) {
	_, packed := saved(t)
	for _, test := range []struct{ name, content, want string }{
		{"empty", "", "empty"},
		{"text", "# Notes\n", "not a snapshot"},
		{"another answer", `{"apiVersion": "istio-cni/v1", "kind": "CheckReport"}`, `kind is "CheckReport"`},
		{"another version", `{"apiVersion": "istio-cni/v9", "kind": "Snapshot"}`, `version "istio-cni/v9"`},
		{"null", "null", "kind is"},
		{"cut off", string(packed[:len(packed)/2]), "not a snapshot"},
		{"not really gzip", "\x1f\x8bnothing", "not a gzip file"},
		{"a wrong type", `{"apiVersion": "istio-cni/v1", "kind": "Snapshot", "pods": 7}`, "not a snapshot"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load(strings.NewReader(test.content))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func FuzzLoad(f *testing.F) {
	_, packed := saved(f)
	f.Add(packed)
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		f.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(unpacked); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"apiVersion":"istio-cni/v1","kind":"Snapshot","injectors":{"state":"read","value":[{}]}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := Load(bytes.NewReader(content))
		if err != nil {
			return
		}
		// What was loaded can be judged and saved again.
		_, _ = s.Verdicts()
		if _, err := json.Marshal(s); err != nil {
			t.Error(err)
		}
	})
}

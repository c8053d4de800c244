package azure

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChooseAPIVersion(t *testing.T) {
	for _, test := range []struct {
		name    string
		offered []string
		want    APIVersion
	}{
		{"the newest stable that knows it", []string{"2026-04-01", "2026-02-01", "2026-01-01", "2025-10-01"}, APIVersion{"2026-04-01", true}},
		{"in any order", []string{"2025-10-01", "2026-01-01", "2024-01-01", "2026-04-01"}, APIVersion{"2026-04-01", true}},
		{"stable before a later preview", []string{"2026-06-02-preview", "2026-01-01", "2025-10-01"}, APIVersion{"2026-01-01", true}},
		{"the newest preview where no stable knows it", []string{"2025-10-01", "2025-08-02-preview", "2025-10-02-preview", "2025-05-01"}, APIVersion{"2025-10-02-preview", true}},
		{"the first preview that knows it", []string{"2025-08-02-preview", "2025-07-02-preview", "2025-07-01"}, APIVersion{"2025-08-02-preview", true}},
		{"none knows it: the newest stable, with which it stays unknown", []string{"2025-07-02-preview", "2025-07-01", "2025-05-01"}, APIVersion{"2025-07-01", false}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := strings.Join(test.offered, " ")
			got, err := ChooseAPIVersion(test.offered)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Join(test.offered, " ") != before {
				t.Error("the list of what is offered changed")
			}
		})
	}
	for name, offered := range map[string][]string{"nothing": nil, "old previews": {"2024-02-02-preview", "2023-01-02-preview"}} {
		if got, err := ChooseAPIVersion(offered); err == nil {
			t.Errorf("%s: got %v, want an error", name, got)
		}
	}
}

func TestWhatAPIVersionsKnow(t *testing.T) {
	for name, want := range map[string]struct{ knows, preview bool }{
		"2025-10-01":         {false, false},
		"2025-12-31":         {false, false},
		"2026-01-01":         {true, false},
		"2027-03-01":         {true, false},
		"2025-07-02-preview": {false, true},
		"2025-08-01-preview": {false, true},
		"2025-08-02-preview": {true, true},
		"2026-01-02-preview": {true, true},
	} {
		got := ParseAPIVersion(name)
		if got.Name != name || got.KnowsMechanism != want.knows || got.Preview() != want.preview {
			t.Errorf("got %+v, preview %v, want %+v", got, got.Preview(), want)
		}
	}
}

func TestOfferedAPIVersions(t *testing.T) {
	s := &service{answers: []answer{{status: http.StatusOK, body: `{"namespace":"Microsoft.ContainerService","resourceTypes":[
		{"resourceType":"managedClusters/agentPools","apiVersions":["2020-01-01"]},
		{"resourceType":"ManagedClusters","apiVersions":["2026-04-01","2026-01-01"]}]}`}}}
	got, err := inMemory(s).OfferedAPIVersions(t.Context(), subscription)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"2026-04-01", "2026-01-01"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r := s.received()[0]; r.path != "/subscriptions/"+subscription+"/providers/Microsoft.ContainerService" || r.query != "api-version=2021-04-01" {
		t.Errorf("asked %+v", r)
	}
	for name, a := range map[string]answer{
		"no managedClusters": {status: http.StatusOK, body: `{"resourceTypes":[]}`},
		"not JSON":           {status: http.StatusOK, body: `<html>`},
		"denied":             {status: http.StatusForbidden, body: wrapped("AuthorizationFailed", "no")},
	} {
		_, err := inMemory(&service{answers: []answer{a}}).OfferedAPIVersions(t.Context(), subscription)
		if err == nil || !strings.Contains(err.Error(), "cannot ask which api-versions subscription "+subscription+" offers: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

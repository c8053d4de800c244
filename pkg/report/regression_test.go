package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/plan"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func TestListsAreNeverNull(t *testing.T) {
	text, err := json.Marshal(NewStatusJSON(statusOf(t, situation{"", func(s *snapshot.Snapshot) { s.Namespaces.Value, s.Pods.Value = nil, nil }})))
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{"unknown", "namespaces"} {
		if strings.Contains(string(text), `"`+member+`":null`) {
			t.Errorf("%s is null; .%s[] fails in jq", member, member)
		}
	}
}

func TestUnknownPartsHaveNoValue(t *testing.T) {
	text, err := json.Marshal(NewStatusJSON(statusOf(t, situation{"", noAzure})))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), `"knowsMechanism":false`) {
		t.Error("what could not be read is shown as false")
	}
}

func TestUnreadPodsAreNotNone(t *testing.T) {
	screen := written(t, func(b *bytes.Buffer) error {
		return Status(b, statusOf(t, situation{"", func(s *snapshot.Snapshot) { s.Pods = denied[[]*mesh.Pod]("list pods (cluster-wide)") }}), plain())
	})
	if strings.Contains(screen, "   none") {
		t.Errorf("\n%s", screen)
	}
}

func TestBlanksAtTheEnd(t *testing.T) {
	rows := allSorts(t)
	for name, text := range map[string]string{
		"wide": written(t, func(b *bytes.Buffer) error { return PodTable(b, rows, PodColumns{Wide: true}, plain()) }),
		"restart": written(t, func(b *bytes.Buffer) error {
			return RestartPlan(b, &plan.Restart{Items: []plan.RestartItem{{Reason: "x"}}}, plain())
		}),
	} {
		if strings.Contains(text, " \n") {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}

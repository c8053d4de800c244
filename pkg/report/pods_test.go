package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// rowsOf are the pods of a snapshot with their verdicts.
func rowsOf(t *testing.T, s *snapshot.Snapshot) []PodRow {
	t.Helper()
	verdicts, err := s.Verdicts()
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]PodRow, len(verdicts))
	for i, verdict := range verdicts {
		rows[i] = PodRow{Pod: s.Pods.Value[i], Verdict: verdict}
	}
	return rows
}

// allSorts are pods of every state, as they are just after the switch.
func allSorts(t *testing.T) []PodRow {
	t.Helper()
	s := contoso()
	bypassing := pod("shop", "Deployment", "cart", 1, "istio-validation")
	bypassing.Redirect = nil
	classic := pod("shop", "Deployment", "legacy", 2, "istio-validation")
	classic.NativeSidecar = false
	tproxy := pod("shop", "Deployment", "proxy", 0, "istio-validation")
	tproxy.InterceptionMode, tproxy.Privileged = "TPROXY", []string{"istio-proxy"}
	noCapabilities := pod("shop", "Deployment", "odd", 0, "istio-validation")
	noCapabilities.Redirect.Capabilities, noCapabilities.Redirect.RunAsUser = "", nil
	hostNetwork := pod("shop", "DaemonSet", "node-exporter", 0, "")
	hostNetwork.HostNetwork = true
	gateway := pod("shop", "Deployment", "gateway", 1, "istio-validation")
	gateway.Redirect, gateway.Template, gateway.NativeSidecar = nil, "gateway", false
	alone := &mesh.Pod{Namespace: "shop", Name: "debug", Workload: mesh.Workload{Kind: "Pod", Namespace: "shop", Name: "debug"}}
	unread := pod("new", "Deployment", "web", 0, "")
	s.Pods = snapshot.Found([]*mesh.Pod{
		pod("default", "Deployment", "productpage", 0, "istio-init"), pod("shop", "StatefulSet", "db", 1, "istio-validation"),
		bypassing, classic, tproxy, noCapabilities, hostNetwork, gateway, alone, unread, pod("monitoring", "Deployment", "prometheus", 0, ""),
	})
	return rowsOf(t, s)
}

func TestPodTables(t *testing.T) {
	for _, test := range []struct {
		name    string
		columns PodColumns
	}{
		{"table", PodColumns{}},
		{"table of all namespaces", PodColumns{Namespace: true}},
		{"wide", PodColumns{Wide: true}},
		{"wide of all namespaces", PodColumns{Namespace: true, Wide: true}},
		{"no headers", PodColumns{NoHeaders: true}},
		{"wide of all namespaces without headers", PodColumns{Namespace: true, Wide: true, NoHeaders: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rows := allSorts(t)
			got := written(t, func(b *bytes.Buffer) error { return PodTable(b, rows, test.columns, plain()) })
			checkGolden(t, "pods "+test.name, got)
			painted := written(t, func(b *bytes.Buffer) error {
				return PodTable(b, rows, test.columns, &terminal.Terminal{Colour: true})
			})
			if painted == got || unpaint(painted) != got {
				t.Errorf("with colours it reads\n%s", painted)
			}
		})
	}
}

func TestPodTablesPaintStates(t *testing.T) {
	rows := map[string]PodRow{}
	for _, row := range allSorts(t) {
		rows[row.Pod.Workload.Name] = row
	}
	stale := rows["db"]
	stale.Verdict.Stale = mesh.Stale
	for _, test := range []struct {
		row  PodRow
		want string
	}{
		{rows["productpage"], "\x1b[31mistio-init\x1b[0m"},
		{rows["productpage"], "\x1b[31mprivileged\x1b[0m"},
		{rows["cart"], "\x1b[31mbypassing\x1b[0m"},
		{rows["db"], "\x1b[32msecured\x1b[0m"},
		{stale, "\x1b[33msecured\x1b[0m"},
		{rows["debug"], "\x1b[33muninjected\x1b[0m"},
		{rows["web"], "\x1b[33munknown\x1b[0m"},
		{rows["node-exporter"], "\x1b[2mexempt\x1b[0m"},
		{rows["prometheus"], "\x1b[2moutside\x1b[0m"},
	} {
		got := written(t, func(b *bytes.Buffer) error {
			return PodTable(b, []PodRow{test.row}, PodColumns{Wide: true}, &terminal.Terminal{Colour: true})
		})
		if !strings.Contains(got, test.want) {
			t.Errorf("no %q in %q", test.want, got)
		}
	}
}

func TestPodsAsJSON(t *testing.T) {
	text, err := json.MarshalIndent(PodList(allSorts(t)), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "json pods", string(text)+"\n")
	text, err = json.Marshal(PodList(nil))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"kind":"PodRedirectionList","apiVersion":"istio-cni/v1","items":[]}`, string(text)); diff != "" {
		t.Errorf("no pods (-want +got):\n%s", diff)
	}
}

func TestPodNames(t *testing.T) {
	want := []string{"pod/productpage-7f9c6bd5d-0", "pod/db-7f9c6bd5d-1"}
	if diff := cmp.Diff(want, PodNames(allSorts(t)[:2])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

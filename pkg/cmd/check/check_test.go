package check

import (
	"testing"

	engine "github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
)

func found(severity engine.Severity) engine.Report {
	return engine.Report{Severity: severity, Outcome: engine.Found, Findings: []engine.Finding{{Severity: severity}}}
}

func unknown(severity engine.Severity) engine.Report {
	return engine.Report{Severity: severity, Outcome: engine.Cannot}
}

// The exit code for what was found and what --fail-on asks for.
func TestExitCode(t *testing.T) {
	for _, test := range []struct {
		name               string
		reports            []engine.Report
		onError, onWarning int
	}{
		{name: "nothing", reports: []engine.Report{{Severity: engine.Critical, Outcome: engine.OK}}},
		{name: "critical", reports: []engine.Report{found(engine.Critical)}, onError: 3, onWarning: 3},
		{name: "high", reports: []engine.Report{found(engine.High)}, onError: 3, onWarning: 3},
		{name: "medium", reports: []engine.Report{found(engine.Medium)}, onError: 0, onWarning: 4},
		{name: "low", reports: []engine.Report{found(engine.Low)}},
		{name: "an error and a warning", reports: []engine.Report{found(engine.Medium), found(engine.High)}, onError: 3, onWarning: 3},
		{name: "an error that is unknown", reports: []engine.Report{unknown(engine.High)}, onError: 1, onWarning: 4},
		{name: "a warning that is unknown", reports: []engine.Report{unknown(engine.Medium)}, onError: 0, onWarning: 4},
		{name: "found and unknown", reports: []engine.Report{unknown(engine.Critical), found(engine.High)}, onError: 3, onWarning: 3},
		{name: "a warning, and an error that is unknown", reports: []engine.Report{unknown(engine.Critical), found(engine.Medium)}, onError: 1, onWarning: 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			for failOn, want := range map[string]int{failOnError: test.onError, failOnWarning: test.onWarning, failOnNever: 0} {
				o := &Options{FailOn: failOn}
				if got := fail.ExitCode(o.verdict(&engine.Result{Reports: test.reports})); got != want {
					t.Errorf("--fail-on=%s: got %d, want %d", failOn, got, want)
				}
			}
		})
	}
}

func TestFails(t *testing.T) {
	for failOn, want := range map[string][]engine.Severity{
		failOnError:   {engine.Critical, engine.High},
		failOnWarning: {engine.Critical, engine.High, engine.Medium},
		failOnNever:   nil,
	} {
		o := &Options{FailOn: failOn}
		var got []engine.Severity
		for _, severity := range engine.Severities() {
			if o.fails(severity) {
				got = append(got, severity)
			}
		}
		if len(got) != len(want) {
			t.Errorf("--fail-on=%s: got %v, want %v", failOn, got, want)
		}
	}
}

package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// CheckJSON is the JSON answer of check.
type CheckJSON struct {
	metav1.TypeMeta `json:",inline"`
	Context         snapshot.Context `json:"context"`
	Taken           time.Time        `json:"taken"`
	Summary         CheckSummary     `json:"summary"`
	// Findings by root cause, worst first.
	Findings []GroupJSON `json:"findings"`
	// Checks are all that were made.
	Checks []CheckOutcome `json:"checks"`
}

// CheckSummary counts findings by severity, and checks that are unknown.
type CheckSummary struct {
	Critical int `json:"critical"`
	High     int `json:"high"`
	Medium   int `json:"medium"`
	Low      int `json:"low"`
	Unknown  int `json:"unknown"`
}

// GroupJSON is a finding with those that it explains.
type GroupJSON struct {
	check.Finding
	Explains []check.Finding `json:"explains,omitempty"`
}

// CheckOutcome is one check's answer.
type CheckOutcome struct {
	ID       string          `json:"id"`
	Title    string          `json:"title"`
	Area     check.Area      `json:"area"`
	Severity check.Severity  `json:"severity"`
	Outcome  check.Outcome   `json:"outcome"`
	Unknown  []check.Unknown `json:"unknown,omitempty"`
}

// NewCheckJSON is the JSON answer of check.
func NewCheckJSON(s *snapshot.Snapshot, result *check.Result) CheckJSON {
	answer := CheckJSON{
		TypeMeta: metav1.TypeMeta{APIVersion: APIVersion, Kind: "CheckReport"}, Context: s.Context, Taken: s.Taken.UTC(),
		Summary: CheckSummary{
			Critical: result.Findings(check.Critical), High: result.Findings(check.High),
			Medium: result.Findings(check.Medium), Low: result.Findings(check.Low), Unknown: result.Undecided(),
		},
		Findings: []GroupJSON{}, Checks: []CheckOutcome{},
	}
	for _, group := range result.Groups {
		answer.Findings = append(answer.Findings, GroupJSON{group.Finding, group.Explains})
	}
	for i := range result.Reports {
		r := &result.Reports[i]
		answer.Checks = append(answer.Checks, CheckOutcome{r.ID, r.Title, r.Area, r.Severity, r.Outcome, r.Unknowns})
	}
	return answer
}

// The elements of a JUnit report that build servers read.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Timestamp string      `xml:"timestamp,attr"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitProblem `xml:"failure,omitempty"`
		Error   *junitProblem `xml:"error,omitempty"`
		Output  *junitOutput  `xml:"system-out,omitempty"`
	}
	junitOutput struct {
		Text string `xml:",cdata"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",cdata"`
	}
)

// CheckJUnit writes the checks as a JUnit report: a suite for each area, a case
// for each check. What fails there is what makes the command fail, by fails; a
// check that is unknown is an error.
func CheckJUnit(w io.Writer, s *snapshot.Snapshot, result *check.Result, fails func(check.Severity) bool) error {
	suites := junitSuites{Name: "kubectl istio-cni check"}
	for _, area := range check.Areas() {
		suite := junitSuite{Name: string(area), Timestamp: s.Taken.UTC().Format("2006-01-02T15:04:05")}
		for i := range result.Reports {
			if result.Reports[i].Area == area {
				suite.add(&result.Reports[i], fails)
			}
		}
		if suite.Tests > 0 {
			suites.Tests, suites.Failures, suites.Errors = suites.Tests+suite.Tests, suites.Failures+suite.Failures, suites.Errors+suite.Errors
			suites.Suites = append(suites.Suites, suite)
		}
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(suites); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(r *check.Report, fails func(check.Severity) bool) {
	test := junitCase{Class: "istio-cni." + string(r.Area), Name: r.ID + " " + r.Title}
	failing := false
	var text strings.Builder
	for _, f := range r.Findings {
		failing = failing || fails(f.Severity)
		fmt.Fprintln(&text, findingText(f))
	}
	switch {
	case failing:
		s.Failures++
		test.Failure = &junitProblem{Message: terminal.CleanLine(objectsText(r.Findings[0].Objects) + ": " + r.Title), Type: string(r.Severity), Text: text.String()}
	case r.Outcome == check.Cannot:
		s.Errors++
		test.Error = &junitProblem{Message: terminal.CleanLine(r.Unknowns[0].String()), Type: "unknown"}
	case text.Len() > 0:
		test.Output = &junitOutput{text.String()}
	}
	s.Tests++
	s.Cases = append(s.Cases, test)
}

// findingText is a finding in plain lines.
func findingText(f check.Finding) string {
	p := &page{term: &terminal.Terminal{}}
	p.finding(f)
	return p.String()
}

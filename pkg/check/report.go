package check

import (
	"slices"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Outcome is a rule's answer.
type Outcome string

// The answers.
const (
	OK     Outcome = "ok"
	Found  Outcome = "found"
	Cannot Outcome = "unknown"
)

// Report is one rule's answer.
type Report struct {
	Rule     *Rule     `json:"-"`
	ID       string    `json:"id"`
	Title    string    `json:"title"`
	Area     Area      `json:"area"`
	Severity Severity  `json:"severity"`
	Outcome  Outcome   `json:"outcome"`
	Findings []Finding `json:"findings,omitempty"`
	// Unknowns are what the rule could not judge. A rule may find some things and
	// not know others.
	Unknowns []Unknown `json:"unknown,omitempty"`
}

// Add notes a finding and fills in what the rule says of all its findings.
func (r *Report) Add(f Finding) {
	f.Rule, f.Title, f.Area = r.Rule.ID, r.Rule.Title, r.Rule.Area
	if f.Severity == "" {
		f.Severity = r.Rule.Severity
	}
	if f.Cause == "" {
		f.Cause = r.Rule.Cause
	}
	if len(r.Rule.Links) > 0 {
		f.Link = r.Rule.Links[0]
	}
	r.Findings = append(r.Findings, f)
}

// Unknown notes something that the rule would have to know to answer.
func (r *Report) Unknown(u Unknown) {
	if !slices.Contains(r.Unknowns, u) {
		r.Unknowns = append(r.Unknowns, u)
	}
}

// Log is the text of a log, "" if it could not be read, which is then noted.
func (r *Report) Log(f *Facts, request snapshot.LogRequest) string {
	part := f.Log(request)
	if !part.Known() {
		r.Unknown(Unknown{
			What:  "the log of container " + request.Container + " in " + Object{"Pod", request.Namespace, request.Pod}.String(),
			State: part.State, Reason: part.Reason, Needs: part.Needs,
		})
	}
	return part.Value
}

// judge asks one rule.
func judge(rule *Rule, facts *Facts) Report {
	report := Report{Rule: rule, ID: rule.ID, Title: rule.Title, Area: rule.Area, Severity: rule.Severity}
	met := true
	for _, need := range rule.Needs {
		met = report.meet(need, facts.Snapshot) && met
	}
	if met {
		rule.look(facts, &report)
	}
	switch {
	case len(report.Findings) > 0:
		report.Outcome = Found
	case len(report.Unknowns) > 0:
		report.Outcome = Cannot
	default:
		report.Outcome = OK
	}
	return report
}

// meet reports whether a need is met, and notes what is not, or only partly,
// known. One whole alternative is enough.
func (r *Report) meet(need Need, s *snapshot.Snapshot) bool {
	known := false
	var unknowns []Unknown
	for _, name := range need {
		state := partIn(s, name)
		if state.whole {
			return true
		}
		known = known || state.known
		unknowns = append(unknowns, state.unknown)
	}
	for _, unknown := range unknowns {
		r.Unknown(unknown)
	}
	return known
}

package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Result is what all rules asked for say of a snapshot.
type Result struct {
	// Reports are the rules' answers, in the order of their ids.
	Reports []Report
	// Groups are the findings, those with one root together, worst first.
	Groups []Group
}

// Run asks rules. It fails only on a snapshot that no API server could have
// produced.
func Run(s *snapshot.Snapshot, rules []*Rule) (*Result, error) {
	facts, err := newFacts(s)
	if err != nil {
		return nil, err
	}
	result := &Result{}
	for _, rule := range rules {
		result.Reports = append(result.Reports, judge(rule, facts))
	}
	result.Groups = group(result.Reports)
	return result, nil
}

// LogRequests are the logs that rules would read to answer, each once.
func LogRequests(s *snapshot.Snapshot, rules []*Rule) ([]snapshot.LogRequest, error) {
	facts, err := newFacts(s)
	if err != nil {
		return nil, err
	}
	var requests []snapshot.LogRequest
	for _, rule := range rules {
		if rule.logs == nil {
			continue
		}
		for _, request := range rule.logs(facts) {
			if !slices.Contains(requests, request) {
				requests = append(requests, request)
			}
		}
	}
	return requests, nil
}

// Findings counts the findings of a severity.
func (r *Result) Findings(severity Severity) int {
	n := 0
	for i := range r.Reports {
		for j := range r.Reports[i].Findings {
			if r.Reports[i].Findings[j].Severity == severity {
				n++
			}
		}
	}
	return n
}

// Undecided counts the rules that could not be answered.
func (r *Result) Undecided() int {
	n := 0
	for i := range r.Reports {
		if r.Reports[i].Outcome == Cannot {
			n++
		}
	}
	return n
}

// Unknowns are what could not be read, each once.
func (r *Result) Unknowns() []Unknown {
	var all []Unknown
	for i := range r.Reports {
		for _, unknown := range r.Reports[i].Unknowns {
			if !slices.Contains(all, unknown) {
				all = append(all, unknown)
			}
		}
	}
	return all
}

// Rules lists all rules in the order of their ids.
func Rules() []*Rule {
	rules := slices.Concat(
		azureRules(), agentRules(), nodeRules(), namespaceRules(), podRules(), admissionRules(),
	)
	slices.SortFunc(rules, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	return rules
}

// ByID is the rule of that id, in upper or lower case.
func ByID(id string) (*Rule, bool) {
	for _, rule := range Rules() {
		if strings.EqualFold(rule.ID, id) {
			return rule, true
		}
	}
	return nil, false
}

// Selection chooses rules by their ids or areas.
type Selection struct {
	// Only these, all if there are none; but not Skip.
	Only, Skip []string
	// Pre leaves those that matter before CNIChaining is enabled.
	Pre bool
}

// Select chooses among all rules. It fails on a name that no rule or area has.
func Select(selection Selection) ([]*Rule, error) {
	for _, name := range slices.Concat(selection.Only, selection.Skip) {
		_, known := ByID(name)
		if !known && !slices.Contains(Areas(), Area(strings.ToLower(name))) {
			return nil, fmt.Errorf("%q is neither a check nor an area; areas are %s", name, areaNames())
		}
	}
	var chosen []*Rule
	for _, rule := range Rules() {
		only := len(selection.Only) == 0 || rule.named(selection.Only)
		if only && !rule.named(selection.Skip) && (rule.Pre || !selection.Pre) {
			chosen = append(chosen, rule)
		}
	}
	return chosen, nil
}

func (r *Rule) named(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return strings.EqualFold(name, r.ID) || strings.EqualFold(name, string(r.Area))
	})
}

func areaNames() string {
	var names []string
	for _, area := range Areas() {
		names = append(names, string(area))
	}
	return strings.Join(names, ", ")
}

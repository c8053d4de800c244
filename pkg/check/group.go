package check

import (
	"cmp"
	"slices"
	"strings"
)

// Group is a finding with those that it explains: they have one root and go away
// together.
type Group struct {
	Finding
	// Explains are the findings that should go away with it.
	Explains []Finding
}

// Worst is the severity of the worst finding in the group.
func (g Group) Worst() Severity {
	worst := g.Severity
	for _, finding := range g.Explains {
		if rank(finding.Severity) < rank(worst) {
			worst = finding.Severity
		}
	}
	return worst
}

// group puts findings with one root together, the worst first.
func group(reports []Report) []Group {
	var findings []Finding
	for i := range reports {
		findings = append(findings, reports[i].Findings...)
	}
	// Reports are in the order of the rules' ids, and causes stand before what
	// they cause, so the first finding of a root is its head.
	slices.SortStableFunc(findings, func(a, b Finding) int { return cmp.Compare(depth(a.Root), depth(b.Root)) })
	var groups []Group
	at := map[string]int{}
	for _, finding := range findings {
		if i, explained := explainedBy(at, finding.Root); explained {
			groups[i].Explains = append(groups[i].Explains, finding)
			continue
		}
		if finding.Root != "" {
			at[finding.Root] = len(groups)
		}
		groups = append(groups, Group{Finding: finding})
	}
	slices.SortStableFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(rank(a.Worst()), rank(b.Worst())), cmp.Compare(a.Rule, b.Rule))
	})
	return groups
}

// depth is how far down a root is; findings without one come last.
func depth(root string) int {
	if root == "" {
		return 1 << 10
	}
	return strings.Count(root, "/")
}

// explainedBy looks for the group of a root or of what stands above it, the
// topmost first.
func explainedBy(at map[string]int, root string) (group int, found bool) {
	for end := range len(root) + 1 {
		if end == len(root) || root[end] == '/' {
			if group, found = at[root[:end]]; found {
				return group, true
			}
		}
	}
	return 0, false
}

func rank(severity Severity) int { return slices.Index(Severities(), severity) }

package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/arm"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
)

// mode is one way of failing: how it comes about, and what must be said of it.
type mode struct {
	name string
	// rule must find it, and name all objects, as kind/namespace/name or kind/name
	// with * for what is generated and {ns} for the mode's own namespace. The texts
	// must stand in its finding.
	rule    string
	plant   func(*lab)
	objects []string
	texts   []string
	// explains are rules whose findings must be in one group behind the rule's, and
	// with are rules that find something besides. Both give the reason. No other rule
	// may find anything, and none may be undecided.
	explains, with map[string]string
	// args of check, besides the format.
	args []string
}

// lab is a sandbox to plant modes in.
type lab struct {
	session
	*box.Box
	// redirects is the redirect container that new pods get.
	redirects string
	// always are rules that find something whatever is planted.
	always []string
	// ns is the present mode's own namespace.
	ns   string
	undo []func()
}

// finding is what check says of one fault, in JSON.
type finding struct {
	Rule, Severity, Cause, Root string
	Objects                     []struct{ Kind, Namespace, Name string }
	Evidence                    []string
	Remedy                      []struct{ Text, Command string }
	Explains                    []finding
}

// report is what check says, in JSON.
type report struct {
	Findings []finding
	Checks   []struct {
		ID, Outcome string
		Unknown     []struct{ What, State, Reason, Needs string }
	}
	code int
}

func newLab(t *testing.T, options box.Options) *lab {
	t.Helper()
	b := start(t, options)
	l := &lab{session: sessionOn(t, b), Box: b, redirects: istioInit, ns: probes}
	if options.Mechanism == arm.CNIChaining {
		l.redirects = validation
	}
	if !options.WithoutMesh {
		l.makeNamespace(map[string]string{revisionLabel: cmp.Or(append(options.Revisions, "asm-1-27")...)})
		l.populate()
	}
	return l
}

func (l *lab) ctx() context.Context { return context.Background() }

// must fails the test on an error of the sandbox's own.
func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// plantAll plants modes one after the other. Whatever one leaves behind is found
// with the next.
func (l *lab) plantAll(t *testing.T, modes []mode) {
	t.Helper()
	for i, m := range modes {
		t.Run(m.rule+" "+m.name, func(t *testing.T) {
			here := l.in(t, fmt.Sprintf("contoso-%s-%d", strings.ToLower(m.rule), i))
			m.plant(here)
			here.wants(m)
		})
	}
}

// in is the same lab for a test within the test, whose mode has a namespace of that
// name.
func (l *lab) in(t *testing.T, ns string) *lab {
	t.Helper()
	here := &lab{session: session{t, l.env}, Box: l.Box, redirects: l.redirects, always: l.always, ns: ns}
	t.Cleanup(here.undoAll)
	return here
}

// afterwards is done when the mode is over, last things first.
func (l *lab) afterwards(do func()) { l.undo = append(l.undo, do) }

func (l *lab) undoAll() {
	for _, do := range slices.Backward(l.undo) {
		do()
	}
	l.undo = nil
}

// check runs the whole check.
func (l *lab) check(args ...string) report {
	l.t.Helper()
	r := l.plugin(append([]string{"check", "-o", "json"}, args...)...)
	answer := report{code: r.code}
	if err := json.Unmarshal([]byte(r.stdout), &answer); err != nil {
		l.t.Fatalf("check: exit code %d, %v\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	return answer
}

// found are the findings of a rule, wherever they stand.
func (r report) found(rule string) []finding {
	return slices.DeleteFunc(r.all(), func(f finding) bool { return f.Rule != rule })
}

func (r report) all() []finding {
	var all []finding
	for _, f := range r.Findings {
		all = append(append(all, f), f.Explains...)
	}
	return all
}

// silent fails the test if anything was found but by the rules that are expected,
// or is unknown.
func (l *lab) silent(r report, expected ...string) {
	l.t.Helper()
	for _, f := range r.all() {
		if !slices.Contains(slices.Concat(l.always, expected), f.Rule) {
			l.t.Errorf("found besides: %s", text(f))
		}
	}
	for _, c := range r.Checks {
		if c.Outcome == "unknown" {
			l.t.Errorf("%s is unknown: %+v", c.ID, c.Unknown)
		}
	}
	if len(r.Checks) == 0 {
		l.t.Error("nothing was checked")
	}
}

// wants runs check and compares what it says with what was planted.
func (l *lab) wants(m mode) {
	l.t.Helper()
	r := l.check(m.args...)
	expected := []string{m.rule}
	for _, rules := range []map[string]string{m.explains, m.with} {
		for rule, why := range rules {
			expected = append(expected, rule)
			if len(r.found(rule)) == 0 {
				l.t.Errorf("%s was expected (%s) and does not find anything", rule, why)
			}
		}
	}
	l.silent(r, expected...)
	planted := r.found(m.rule)
	if len(planted) == 0 {
		l.t.Fatalf("%s does not find what was planted; found is %s", m.rule, text(r.Findings))
	}
	for _, want := range m.objects {
		if !slices.ContainsFunc(planted, func(f finding) bool { return f.names(l.named(want)) }) {
			l.t.Errorf("%s is not named in %s", l.named(want), text(planted))
		}
	}
	for _, want := range m.texts {
		if !strings.Contains(text(planted), l.named(want)) {
			l.t.Errorf("%q is missing in %s", l.named(want), text(planted))
		}
	}
	for rule, why := range m.explains {
		if !slices.ContainsFunc(r.Findings, func(f finding) bool {
			return f.Rule == m.rule && slices.ContainsFunc(f.Explains, func(e finding) bool { return e.Rule == rule })
		}) {
			l.t.Errorf("%s is not explained by it (%s): %s", rule, why, text(r.Findings))
		}
	}
	if want := r.expectedCode(); r.code != want {
		l.t.Errorf("exit code %d, want %d", r.code, want)
	}
}

// expectedCode is check's exit code by what it found.
func (r report) expectedCode() int {
	if slices.ContainsFunc(r.all(), func(f finding) bool { return f.Severity == "critical" || f.Severity == "high" }) {
		return 3
	}
	return 0
}

func (l *lab) named(pattern string) string { return strings.ReplaceAll(pattern, "{ns}", l.ns) }

// names reports whether a finding names an object.
func (f finding) names(pattern string) bool {
	for _, o := range f.Objects {
		name := o.Kind + "/" + o.Name
		if o.Namespace != "" {
			name = o.Kind + "/" + o.Namespace + "/" + o.Name
		}
		if matches, err := path.Match(pattern, name); err == nil && matches {
			return true
		}
	}
	return false
}

// text shows findings as JSON, whose quotes and brackets are as they were.
func text(v any) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return fmt.Sprint(err)
	}
	return strings.ReplaceAll(b.String(), `\"`, `"`)
}

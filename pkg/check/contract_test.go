package check

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func fixtures() map[string]fixture {
	all := map[string]fixture{}
	for _, some := range []map[string]fixture{
		azureFixtures(), agentFixtures(), nodeFixtures(), namespaceFixtures(), podFixtures(), admissionFixtures(),
	} {
		maps.Copy(all, some)
	}
	return all
}

// ask has one rule judge the healthy snapshot after a change.
func ask(t *testing.T, rule *Rule, change func(*snapshot.Snapshot)) Report {
	t.Helper()
	s := healthy()
	change(s)
	facts, err := newFacts(s)
	if err != nil {
		t.Fatal(err)
	}
	return judge(rule, facts)
}

func unchanged(*snapshot.Snapshot) {}

// Every rule fires on its fixture with the right evidence, stays silent on a near
// miss, and does not know without its inputs.
func TestEveryRule(t *testing.T) {
	all := fixtures()
	for _, rule := range Rules() {
		t.Run(rule.ID, func(t *testing.T) {
			f, ok := all[rule.ID]
			if !ok || f.fires == nil || f.near == nil || len(f.expect) == 0 || len(f.objects) == 0 {
				t.Fatal("the rule has no complete fixture")
			}
			fires(t, rule, f)
			for name, change := range map[string]func(*snapshot.Snapshot){"a healthy cluster": unchanged, "a near miss": f.near} {
				if report := ask(t, rule, change); report.Outcome != OK {
					t.Errorf("on %s: %s", name, text(report))
				}
			}
			deniedIsUnknown(t, rule, f)
			if rule.logs != nil {
				if f.unread == nil {
					t.Fatal("the fixture has nothing for a log that cannot be read")
				}
				if report := ask(t, rule, f.unread); report.Outcome != Cannot {
					t.Errorf("without the log: %s", text(report))
				}
			}
		})
		delete(all, rule.ID)
	}
	for id := range all {
		t.Errorf("fixture %s has no rule", id)
	}
}

func fires(t *testing.T, rule *Rule, f fixture) {
	t.Helper()
	report := ask(t, rule, f.fires)
	if report.Outcome != Found {
		t.Fatalf("it does not fire: %s", text(report))
	}
	for _, want := range f.expect {
		if !strings.Contains(text(report), want) {
			t.Errorf("%q is missing in %s", want, text(report))
		}
	}
	for _, want := range f.objects {
		named := slices.ContainsFunc(report.Findings, func(f Finding) bool { return slices.Contains(f.Objects, want) })
		if !named {
			t.Errorf("%s is not named in %s", want, text(report))
		}
	}
	for _, finding := range report.Findings {
		if len(finding.Objects) == 0 || len(finding.Evidence) == 0 || finding.Cause == "" || len(finding.Remedy) == 0 || finding.Link == "" {
			t.Errorf("incomplete: %s", text(report))
		}
	}
}

// deniedIsUnknown takes away each of the rule's inputs in turn.
func deniedIsUnknown(t *testing.T, rule *Rule, f fixture) {
	t.Helper()
	if len(rule.Needs) == 0 {
		t.Error("it needs nothing")
	}
	for _, need := range rule.Needs {
		report := ask(t, rule, func(s *snapshot.Snapshot) {
			f.fires(s)
			for _, part := range need {
				deny(t, s, part)
			}
		})
		if report.Outcome != Cannot {
			t.Errorf("without %v: %s", need, text(report))
		}
		if !slices.ContainsFunc(report.Unknowns, func(u Unknown) bool { return u.Needs == "the permission to read it" }) {
			t.Errorf("without %v it does not say what it takes: %s", need, text(report))
		}
	}
}

// deny makes a part of a snapshot unreadable, by its name in JSON.
func deny(t *testing.T, s *snapshot.Snapshot, part PartName) {
	t.Helper()
	encoded, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(encoded, &fields); err != nil {
		t.Fatal(err)
	}
	if _, ok := fields[string(part)]; !ok {
		t.Fatalf("a snapshot has no part %q", part)
	}
	fields[string(part)] = json.RawMessage(`{"state": "denied", "reason": "the API server denies it", "needs": "the permission to read it"}`)
	if encoded, err = json.Marshal(fields); err != nil {
		t.Fatal(err)
	}
	*s = snapshot.Snapshot{}
	if err := json.Unmarshal(encoded, s); err != nil {
		t.Fatal(err)
	}
}

// A rule's page says all that a person needs.
func TestEveryRuleHasAPage(t *testing.T) {
	ids := map[string]bool{}
	for _, rule := range Rules() {
		if ids[rule.ID] {
			t.Errorf("%s: twice", rule.ID)
		}
		ids[rule.ID] = true
		for what, text := range map[string]string{
			"title": rule.Title, "symptom": rule.Symptom, "detection": rule.Detection, "cause": rule.Cause, "remedy": rule.Remedy,
		} {
			if text == "" || strings.TrimSpace(text) != text {
				t.Errorf("%s: %s %q", rule.ID, what, text)
			}
		}
		if len(rule.Links) == 0 {
			t.Errorf("%s: no link", rule.ID)
		}
		for _, link := range rule.Links {
			if !strings.HasPrefix(link, "https://learn.microsoft.com/") && !strings.HasPrefix(link, "https://istio.io/") && !strings.HasPrefix(link, "https://github.com/istio/") {
				t.Errorf("%s: link %s", rule.ID, link)
			}
		}
		if !slices.Contains(Areas(), rule.Area) || !strings.HasPrefix(rule.ID, fmt.Sprintf("ICNI%d", 1+slices.Index(Areas(), rule.Area))) || len(rule.ID) != len("ICNI101") {
			t.Errorf("%s: area %s", rule.ID, rule.Area)
		}
		if !slices.Contains(Severities(), rule.Severity) {
			t.Errorf("%s: severity %s", rule.ID, rule.Severity)
		}
	}
}

func text(v any) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return err.Error()
	}
	return b.String()
}

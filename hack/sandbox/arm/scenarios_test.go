package arm

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestScenariosShow(t *testing.T) {
	pool := func(a *azure, name string) *value {
		for _, p := range parsed(a.t, a.get(clusterPath, older).body).items("properties", "agentPoolProfiles") {
			if p.str("name") == name {
				return p
			}
		}
		return nil
	}
	for _, test := range []struct {
		scenario string
		look     func(a *azure) string
		want     string
	}{
		{ScenarioStopped, func(a *azure) string {
			return a.stored("properties", "powerState", "code") + pool(a, "apps").str("powerState", "code")
		}, "StoppedStopped"},
		{ScenarioPreviewOnly, newestThatKnows, preview},
		{ScenarioPreviewUngated, newestThatKnows, preview},
		{ScenarioRevision24, revisionsShown, "[asm-1-24]"},
		{ScenarioTwoRevisions, revisionsShown, "[asm-1-27 asm-1-28]"},
		{ScenarioUbuntu2004, func(a *azure) string { return pool(a, "legacy").str("nodeImageVersion") }, "AKSUbuntu-2004cvmcontainerd-202604.13.0"},
		{ScenarioWindows, func(a *azure) string { return pool(a, "win").str("osType") + pool(a, "win").str("osSKU") }, "WindowsWindows2022"},
		{ScenarioMeshDisabled, func(a *azure) string {
			return compact(a.t, parsed(a.t, a.Document("")).get("properties", "serviceMeshProfile").bytes())
		}, `{"mode":"Disabled"}`},
		{ScenarioProvisioningFailed, func(a *azure) string { return a.stored("properties", "provisioningState") }, "Failed"},
		{ScenarioBusy, func(a *azure) string { return a.stored("properties", "provisioningState") }, "Updating"},
		{ScenarioUnregistered, func(a *azure) string { return a.get(clusterPath, stable).code() }, "MissingSubscriptionRegistration"},
		{ScenarioStrictReadOnly, func(a *azure) string { return fmt.Sprint(a.put(a.edited(stable, nil), stable, nil).status) }, "400"},
	} {
		t.Run(test.scenario, func(t *testing.T) {
			a := start(t)
			if got := test.look(a); got == test.want {
				t.Errorf("it is %s without the scenario", got)
			}
			if err := a.SetScenarios(test.scenario); err != nil {
				t.Fatal(err)
			}
			equal(t, "with the scenario", test.look(a), test.want)
			equal(t, "in force", fmt.Sprint(a.ActiveScenarios()), "["+test.scenario+"]")
		})
	}
}

func newestThatKnows(a *azure) string {
	for _, version := range offeredVersions(a.t, a.get(servicePath, "2021-04-01")) {
		if a.get(clusterPath, version).text(mechanismPath()...) != "" {
			return version
		}
	}
	return ""
}

func revisionsShown(a *azure) string {
	return fmt.Sprint(revisionsOf(parsed(a.t, a.get(clusterPath, stable).body)))
}

func TestEveryScenarioIsTested(t *testing.T) {
	var names []string
	for _, s := range Scenarios() {
		names = append(names, s.Name)
		if s.Description == "" || s.cluster == nil && s.world == nil {
			t.Errorf("%s says or does nothing", s.Name)
		}
	}
	equal(t, "scenarios", len(names), 12)
	slices.Sort(names)
	equal(t, "names", len(slices.Compact(names)), 12)
	a := start(t)
	if err := a.SetScenarios("nonsense"); err == nil || !strings.Contains(err.Error(), "there are stopped, preview-only") {
		t.Errorf("err is %v", err)
	}
}

func TestScenariosGoTogether(t *testing.T) {
	a := start(t, withScenario(ScenarioTwoRevisions, ScenarioWindows, ScenarioUbuntu2004))
	equal(t, "pools", len(parsed(t, a.Document("")).items("properties", "agentPoolProfiles")), 4)
	equal(t, "revisions", revisionsShown(a), "[asm-1-27 asm-1-28]")
}

// Somebody else's operation holds up a PUT, and then the eTag is another.
func TestBusy(t *testing.T) {
	a := start(t, withScenario(ScenarioBusy), func(c *Config) { c.Timing.Operation = time.Hour })
	before := a.get(clusterPath, stable)
	put := a.put(a.edited(stable, to(CNIChaining)), stable, nil)
	equal(t, "meanwhile", put.code(), "OperationNotAllowed")
	a.pass(2 * time.Hour)
	a.token, _ = a.issue(a.url, a.now())
	equal(t, "state", a.get(clusterPath, stable).text("properties", "provisioningState"), "Succeeded")
	if before.text("eTag") == a.stored("eTag") {
		t.Error("the eTag did not change")
	}
	stale := a.put(a.edited(stable, to(CNIChaining)), stable, map[string][]string{"If-Match": {before.text("eTag")}})
	equal(t, "with the old eTag", stale.status, 412)
	equal(t, "with the new one", a.put(a.edited(stable, to(CNIChaining)), stable, map[string][]string{"If-Match": {a.stored("eTag")}}).status, 200)
}

func TestPreviewUngatedNeedsNoFeature(t *testing.T) {
	a := start(t, withScenario(ScenarioPreviewUngated))
	statuses, _ := a.follow(a.put(a.edited(preview, to(CNIChaining)), preview, nil))
	equal(t, "status", statuses[len(statuses)-1], "Succeeded")
}

func TestFailedClusterRecovers(t *testing.T) {
	a := start(t, withScenario(ScenarioProvisioningFailed))
	a.follow(a.put(a.edited(stable, to(CNIChaining)), stable, nil))
	equal(t, "state", a.stored("properties", "provisioningState"), "Succeeded")
}

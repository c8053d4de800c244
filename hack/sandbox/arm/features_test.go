package arm

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const istioFeature = featurePath + "/IstioCNIPreview"

func (a *azure) featureState() string {
	return a.get(istioFeature, "2021-07-01").text("properties", "state")
}

func (a *azure) register(path, version string) answer {
	return a.send("POST", path+"/register?api-version="+version, "", nil)
}

// A preview in use: register the feature, wait, register the provider again.
func TestPreviewNeedsTheFeatureAndTheProvider(t *testing.T) {
	a := start(t, withScenario(ScenarioPreviewOnly))
	refused := func() string { return a.put(a.edited(preview, to(CNIChaining)), preview, nil).text("message") }
	equal(t, "state", a.featureState(), "NotRegistered")

	equal(t, "state", a.register(istioFeature, "2021-07-01").text("properties", "state"), "Registering")
	a.register(servicePath, "2021-04-01") // too early: the feature is not there yet
	equal(t, "state", a.featureState(), "Registering")
	a.pass(5 * time.Minute)
	equal(t, "state", a.featureState(), "Registered")
	if !strings.Contains(refused(), "is not enabled") {
		t.Errorf("the feature took effect without the provider: %s", refused())
	}

	equal(t, "provider", a.register(servicePath, "2021-04-01").text("registrationState"), "Registered")
	statuses, _ := a.follow(a.put(a.edited(preview, to(CNIChaining)), preview, nil))
	equal(t, "status", statuses[len(statuses)-1], "Succeeded")
}

func TestFeatureStates(t *testing.T) {
	a := start(t)
	states := []string{a.featureState()}
	note := func() { states = append(states, a.featureState()) }
	a.register(istioFeature, "2021-07-01")
	note()
	a.pass(5 * time.Minute)
	note()
	a.register(istioFeature, "2021-07-01") // again: nothing happens
	note()
	a.send("POST", istioFeature+"/unregister?api-version=2021-07-01", "", nil)
	note()
	a.pass(5 * time.Minute)
	note()
	equal(t, "states", fmt.Sprint(states), "[NotRegistered Registering Registered Registered Unregistering Unregistered]")

	got := a.get(istioFeature, "2021-07-01")
	equal(t, "name", got.text("name"), "Microsoft.ContainerService/IstioCNIPreview")
	equal(t, "id", got.text("id"), istioFeature)
	if list := parsed(t, a.get(featurePath, "2021-07-01").body).items("value"); len(list) < 2 {
		t.Errorf("there are %d features", len(list))
	}
}

func TestUnregisteredProvider(t *testing.T) {
	a := start(t, withScenario(ScenarioUnregistered))
	got := a.get(clusterPath, stable)
	equal(t, "status", got.status, 409)
	equal(t, "code", got.text("error", "code"), "MissingSubscriptionRegistration")
	state := func() string { return a.get(servicePath, "2021-04-01").text("registrationState") }
	equal(t, "state", state(), "NotRegistered")
	equal(t, "state", a.register(servicePath, "2021-04-01").text("registrationState"), "Registering")
	equal(t, "meanwhile", a.get(clusterPath, stable).status, 409)
	a.pass(5 * time.Minute)
	equal(t, "state", state(), "Registered")
	equal(t, "status", a.get(clusterPath, stable).status, 200)
}

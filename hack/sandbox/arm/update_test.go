package arm

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPutThatChangesNothingLosesNothing(t *testing.T) {
	a := start(t)
	before := a.get(clusterPath, stable)
	put := a.put(a.edited(stable, nil), stable, nil)
	equal(t, "status", put.status, 200)
	if statuses, _ := a.follow(put); statuses[len(statuses)-1] != "Succeeded" {
		t.Fatalf("the operation went through %v", statuses)
	}
	after := a.get(clusterPath, stable)
	if before.text("eTag") == after.text("eTag") {
		t.Error("the eTag is the same after an operation")
	}
	if diff := cmp.Diff(blind(t, before.body), blind(t, after.body)); diff != "" {
		t.Errorf("more than eTags changed (-before +after):\n%s", diff)
	}
}

// blind is a document without its eTags, with its white space.
func blind(t *testing.T, body []byte) string {
	t.Helper()
	document := parsed(t, body)
	withoutETags(document)
	return string(document.bytes())
}

func TestPutStoresTheServicesOrder(t *testing.T) {
	a := start(t)
	before := a.get(clusterPath, stable).body
	reversed := a.edited(stable, func(document *value) { reverse(document) })
	a.follow(a.put(reversed, stable, nil))
	if diff := cmp.Diff(blind(t, before), blind(t, a.get(clusterPath, stable).body)); diff != "" {
		t.Errorf("the order of a PUT was stored (-before +after):\n%s", diff)
	}
}

func reverse(v *value) {
	slices.Reverse(v.members)
	for _, m := range v.members {
		reverse(m.value)
	}
}

func TestPutReplaces(t *testing.T) {
	a := start(t)
	a.follow(a.put(a.edited(stable, func(document *value) {
		document.remove("properties", "autoScalerProfile")
		document.remove("properties", "controlPlaneShape", "watchCacheWeight")
		document.remove("properties", "oidcIssuerProfile")
		document.remove("properties", "fqdn")
		pool := document.items("properties", "agentPoolProfiles")[0]
		pool.remove("nodeImageVersion")
		pool.remove("kubeletConfig")
		document.set(&value{kind: kindNumber, scalar: "2.50e2"}, "properties", "controlPlaneShape", "throttleRatio")
		document.set(newText("new"), "tags", "added")
		document.set(newArray(newText("contoso.com")), "properties", "httpProxyConfig", "noProxy")
	}), stable, nil))

	for path, want := range map[string]string{
		// What was not sent is lost,
		"properties/autoScalerProfile":                  "",
		"properties/controlPlaneShape/watchCacheWeight": "",
		// except for what only the service sets,
		"properties/fqdn":                       "contoso-dns-0a1b2c3d.hcp.westeurope.azmk8s.io",
		"properties/oidcIssuerProfile/enabled":  "",
		"properties/maxAgentPools":              "100",
		"properties/currentKubernetesVersion":   "1.35.4",
		"properties/controlPlaneShape/reserved": "",
		// and what was sent is stored as it was spelled.
		"properties/controlPlaneShape/throttleRatio": "2.50e2",
		"properties/controlPlaneShape/generation":    "3.0",
		"tags/added": "new",
	} {
		equal(t, path, a.stored(strings.Split(path, "/")...), want)
	}
	document := parsed(t, a.Document(""))
	if issuer := document.str("properties", "oidcIssuerProfile", "issuerURL"); !strings.Contains(issuer, testTenant) {
		t.Errorf("the issuer is %q", issuer)
	}
	pool := document.items("properties", "agentPoolProfiles")[0]
	equal(t, "image", pool.str("nodeImageVersion"), "AKSAzureLinux-V3gen2-202604.13.0")
	if pool.get("kubeletConfig") != nil {
		t.Error("the pool's kubeletConfig is still there")
	}
	equal(t, "proxy", compact(t, document.get("properties", "httpProxyConfig").bytes()), `{"noProxy":["contoso.com"]}`)
}

func TestPutIgnoresReadOnlyMembers(t *testing.T) {
	a := start(t)
	put := a.put(a.edited(stable, func(document *value) {
		document.set(newText("Failed"), "properties", "provisioningState")
		document.set(newText("1.2.3"), "properties", "currentKubernetesVersion")
	}), stable, nil)
	a.follow(put)
	equal(t, "version", a.stored("properties", "currentKubernetesVersion"), "1.35.4")
	equal(t, "state", a.stored("properties", "provisioningState"), "Succeeded")
}

func TestPutShowsTheChangeAtOnce(t *testing.T) {
	a := start(t, func(c *Config) { c.Timing.Operation = time.Hour })
	before := a.get(clusterPath, stable)
	put := a.put(a.edited(stable, to(CNIChaining)), stable, nil)
	for _, got := range []answer{put, a.get(clusterPath, stable)} {
		equal(t, "state", got.text("properties", "provisioningState"), "Updating")
		equal(t, "mechanism", got.text(mechanismPath()...), CNIChaining)
		equal(t, "eTag", got.text("eTag"), before.text("eTag"))
	}
	equal(t, "retry-after", put.header.Get("Retry-After"), "")
	if !strings.Contains(put.text("id"), "/resourcegroups/") || put.text("type") != "Microsoft.ContainerService/ManagedClusters" {
		t.Errorf("id %s and type %s are not spelled as recorded", put.text("id"), put.text("type"))
	}
}

func TestRefusedPuts(t *testing.T) {
	etag := http.Header{"If-Match": {"00000000-0000-4000-8000-000000000000"}}
	for _, test := range []struct {
		name    string
		version string
		header  http.Header
		setup   func(*Config)
		change  func(*value)
		status  int
		code    string
		message string
		gateway bool
	}{
		{name: "unknown field", change: func(d *value) { d.set(newText(""), "properties", "colour") },
			status: 400, code: "UnmarshalError", message: `unknown field "colour"`},
		{name: "mechanism before its time", version: older, change: to(CNIChaining),
			status: 400, code: "UnmarshalError", message: "Visit aka.ms/aks/apiversions"},
		{name: "unknown mechanism", change: to("Ambient"), status: 400, code: "InvalidParameter", message: "'Ambient' is not one of"},
		{name: "echoed eTag", change: func(d *value) { d.set(newText("x"), "eTag") }, status: 400, code: "BadRequest", message: "'eTag' is read-only"},
		{name: "echoed eTag of a pool", change: func(d *value) { d.items("properties", "agentPoolProfiles")[1].set(newText("x"), "eTag") },
			status: 400, code: "BadRequest", message: "'properties.agentPoolProfiles.*.eTag' is read-only"},
		{name: "stale eTag", header: etag, change: to(CNIChaining), status: 412, code: "PreConditionFailed", message: "00000000-0000-4000-8000-000000000000"},
		{name: "if-none-match", header: http.Header{"If-None-Match": {"*"}}, status: 412, code: "PreConditionFailed", message: "exists"},
		{name: "if-none-match with a value", header: http.Header{"If-None-Match": {"x"}}, status: 400, code: "BadRequest", message: "if-none-match"},
		{name: "another location", change: func(d *value) { d.set(newText("eastus"), "location") },
			status: 409, code: "InvalidResourceLocation", message: "already exists in location 'westeurope'", gateway: true},
		{name: "no location", change: func(d *value) { d.remove("location") }, status: 400, code: "LocationRequired", message: "location", gateway: true},
		{name: "another name", change: func(d *value) { d.set(newText("other"), "name") }, status: 400, code: "MismatchingResourceName", message: "'other'", gateway: true},
		{name: "another id", change: func(d *value) { d.set(newText("/other"), "id") }, status: 400, code: "InvalidRequestContent", message: "'/other'", gateway: true},
		{name: "another type", change: func(d *value) { d.set(newText("other"), "type") }, status: 400, code: "MismatchingResourceType", message: "'other'", gateway: true},
		{name: "another node resource group", change: func(d *value) { d.set(newText("other"), "properties", "nodeResourceGroup") },
			status: 400, code: "PropertyChangeNotAllowed", message: "'nodeResourceGroup'"},
		{name: "revision without CNI", setup: withScenario(ScenarioRevision24), change: to(CNIChaining), status: 400, code: "BadRequest", message: "asm-1-25"},
		{name: "mesh disabled", setup: withScenario(ScenarioMeshDisabled), change: to(CNIChaining), status: 400, code: "BadRequest", message: "mode 'Disabled'"},
		{name: "stopped", setup: withScenario(ScenarioStopped), change: to(CNIChaining), status: 400, code: "BadRequest", message: "Power State(Stopped)"},
		{name: "feature not registered", version: preview, setup: withScenario(ScenarioPreviewOnly), change: to(CNIChaining),
			status: 400, code: "BadRequest", message: "Feature Microsoft.ContainerService/IstioCNIPreview is not enabled"},
		{name: "read-only member", setup: withScenario(ScenarioStrictReadOnly), status: 400, code: "BadRequest", message: "read-only"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var changes []func(*Config)
			if test.setup != nil {
				changes = append(changes, test.setup)
			}
			a := start(t, changes...)
			version := test.version
			if version == "" {
				version = stable
			}
			before := string(a.Document(""))
			got := a.put(a.edited(version, test.change), version, test.header)
			equal(t, "status", got.status, test.status)
			equal(t, "code", got.code(), test.code)
			if message := got.text("message") + got.text("error", "message"); !strings.Contains(message, test.message) {
				t.Errorf("%q does not say %q", message, test.message)
			}
			equal(t, "failure cause", got.header.Get("X-Ms-Failure-Cause") == "gateway", test.gateway)
			equal(t, "wrapped", got.text("error", "code") != "", test.gateway)
			if string(a.Document("")) != before {
				t.Error("a refused PUT changed the document")
			}
		})
	}
}

func TestUnmarshalErrorIsWordedAsRecorded(t *testing.T) {
	a := start(t)
	got := a.put(a.edited(stable, func(d *value) { d.set(newText(""), "properties", "sshAccess") }), stable, nil)
	const want = `{"code":"UnmarshalError","details":null,"message":"UnmarshalEntity encountered error: json: unknown field \"sshAccess\" Check that the field is in the right location, is spelled correctly, and is supported in the API version. Visit aka.ms/aks/apiversions for more API version information..","subcode":""}`
	equal(t, "body", compact(t, got.body), want)
}

func TestMalformedBodies(t *testing.T) {
	a := start(t)
	for _, body := range []string{``, `[]`, `{"location":`, `{"location":"westeurope","location":"eastus"}`} {
		got := a.put(body, stable, nil)
		equal(t, body, fmt.Sprint(got.status, got.code()), "400InvalidRequestContent")
	}
	got := a.put(strings.Repeat(" ", maxBody+1), stable, nil)
	equal(t, "too large", got.status, 413)
}

func TestIfMatch(t *testing.T) {
	a := start(t)
	for _, spelling := range []string{"*", "%s", `"%s"`} {
		match := strings.Replace(spelling, "%s", a.stored("eTag"), 1)
		put := a.put(a.edited(stable, nil), stable, http.Header{"If-Match": {match}})
		equal(t, spelling, put.status, 200)
		a.follow(put)
	}
	missing := a.send("PUT", strings.Replace(clusterPath, "aks-contoso", "aks-other", 1)+"?api-version="+stable, `{}`, http.Header{"If-Match": {"x"}})
	equal(t, "missing cluster", fmt.Sprint(missing.status, missing.code()), "412PreconditionFailed")
}

// An api-version that does not know the mechanism neither shows it nor loses it.
func TestOlderVersionKeepsTheMechanism(t *testing.T) {
	a := start(t, func(c *Config) { c.Cluster.Mechanism = CNIChaining })
	got := a.get(clusterPath, older)
	if strings.Contains(string(got.body), "proxyRedirectionMechanism") {
		t.Error("an older api-version shows the mechanism")
	}
	a.follow(a.put(a.edited(older, func(d *value) {
		d.set(newText("new"), "tags", "added")
		d.remove("properties", "serviceMeshProfile", "istio", "components")
	}), older, nil))
	equal(t, "mechanism", a.stored(mechanismPath()...), CNIChaining)
	equal(t, "tag", a.stored("tags", "added"), "new")
}

// api-versions before 2024-01-01 drop what they do not know without a word.
func TestVeryOldVersionIsLenient(t *testing.T) {
	const veryOld = "2023-11-01"
	a := start(t)
	put := a.put(a.edited(veryOld, func(d *value) {
		to(CNIChaining)(d)
		d.set(newText("x"), "properties", "colour")
	}), veryOld, nil)
	equal(t, "status", put.status, 200)
	a.follow(put)
	equal(t, "mechanism", a.stored(mechanismPath()...), InitContainers)
	equal(t, "colour", a.stored("properties", "colour"), "")
}

func TestEveryEdgeOfTheMechanism(t *testing.T) {
	for _, test := range []struct {
		name, mechanism string
		change          func(*value)
		want            string
	}{
		{"absent, nothing asked", "", nil, ""},
		{"absent to CNI", "", to(CNIChaining), CNIChaining},
		{"absent to init containers", "", to(InitContainers), ""},
		{"CNI to init containers", CNIChaining, to(InitContainers), InitContainers},
		{"CNI to null", CNIChaining, func(d *value) { d.set(newNull(), mechanismPath()...) }, InitContainers},
		{"CNI lost", CNIChaining, func(d *value) { d.remove(mechanismPath()...) }, InitContainers},
		{"CNI again", CNIChaining, to(CNIChaining), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			followed := &recorder{}
			a := start(t, followed.follows, func(c *Config) { c.Cluster.Mechanism = test.mechanism })
			put := a.put(a.edited(stable, test.change), stable, nil)
			a.follow(put)
			equal(t, "reconciled", strings.Join(followed.seen(), " "), test.want)
		})
	}
}

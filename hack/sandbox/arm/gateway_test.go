package arm

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestGatewayErrors(t *testing.T) {
	a := start(t)
	subscription := "/subscriptions/" + testSubscription
	unknown := "00000000-0000-4000-8000-000000000000"
	for _, test := range []struct {
		name, method, path, version string
		status                      int
		code, message               string
	}{
		{"cluster", "GET", strings.Replace(clusterPath, "aks-contoso", "aks-other", 1), stable, 404, "ResourceNotFound",
			"The Resource 'Microsoft.ContainerService/managedClusters/aks-other' under resource group 'rg-contoso' was not found."},
		{"group of a cluster", "GET", strings.Replace(clusterPath, "rg-contoso", "rg-other", 1), stable, 404, "ResourceGroupNotFound", "Resource group 'rg-other' could not be found."},
		{"group", "GET", subscription + "/resourceGroups/rg-other", "2021-04-01", 404, "ResourceGroupNotFound", "Resource group 'rg-other' could not be found."},
		{"subscription of a cluster", "GET", strings.Replace(clusterPath, testSubscription, unknown, 1), stable, 404, "SubscriptionNotFound", "The subscription '" + unknown + "' could not be found."},
		{"subscription", "GET", "/subscriptions/" + unknown, "2022-12-01", 404, "SubscriptionNotFound", unknown},
		{"malformed subscription", "GET", "/subscriptions/contoso", "2022-12-01", 400, "InvalidSubscriptionId", "'contoso' is malformed"},
		{"no api-version", "GET", clusterPath, "", 400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required"},
		{"malformed api-version", "GET", clusterPath, "latest", 400, "InvalidApiVersionParameter", "The api-version 'latest' is invalid."},
		{"unknown api-version", "GET", clusterPath, "2031-01-01", 400, "NoRegisteredProviderFound",
			"No registered resource provider found for location 'westeurope' and API version '2031-01-01' for type 'managedClusters'. The supported api-versions are '2023-08-01, 2023-11-01, "},
		{"unknown api-version of groups", "GET", subscription + "/resourceGroups/rg-contoso", "2031-01-01", 400, "InvalidApiVersionParameter", "2021-04-01"},
		{"provider", "GET", subscription + "/providers/Contoso.Service", "2021-04-01", 404, "InvalidResourceNamespace", "Contoso.Service"},
		{"feature", "GET", featurePath + "/Other", "2021-07-01", 404, "FeatureNotFound", "'Other'"},
		{"resource type", "GET", servicePath + "/somethings", stable, 404, "InvalidResourceType", "somethings"},
		{"method", "DELETE", clusterPath, stable, 405, "MethodNotAllowed", "'DELETE'"},
		{"region", "GET", servicePath + "/locations/moon/meshRevisionProfiles", stable, 400, "NoRegisteredProviderFound", "'moon'"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := test.path
			if test.version != "" {
				path += "?api-version=" + test.version
			}
			got := a.send(test.method, path, "", nil)
			equal(t, "status", got.status, test.status)
			equal(t, "code", got.text("error", "code"), test.code)
			equal(t, "failure cause", got.header.Get("x-ms-failure-cause"), "gateway")
			equal(t, "type", got.header.Get("Content-Type"), "application/json; charset=utf-8")
			if message := got.text("error", "message"); !strings.Contains(message, test.message) {
				t.Errorf("%q does not say %q", message, test.message)
			}
		})
	}
}

func TestMissingClusterIsAnsweredAsRecorded(t *testing.T) {
	a := start(t)
	got := a.get(strings.Replace(clusterPath, "aks-contoso", "aks-other", 1), stable)
	equal(t, "body", string(got.body), `{"error":{"code":"ResourceNotFound","message":"The Resource 'Microsoft.ContainerService/managedClusters/aks-other' under resource group 'rg-contoso' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"}}`)
}

func TestPathsAreCaseInsensitive(t *testing.T) {
	a := start(t)
	for _, path := range []string{strings.ToLower(clusterPath), strings.ToUpper(clusterPath), clusterPath + "/"} {
		equal(t, path, a.get(path, stable).text("name"), "aks-contoso")
	}
}

func TestHeaders(t *testing.T) {
	a := start(t)
	got := a.get(clusterPath, stable).header
	for _, name := range []string{"x-ms-request-id", "x-ms-correlation-request-id"} {
		equal(t, name+" is a GUID", isGUID(got.Get(name)), true)
	}
	equal(t, "type", got.Get("Content-Type"), "application/json")
	equal(t, "failure cause", got.Get("x-ms-failure-cause"), "")
	asked := http.Header{
		"X-Ms-Correlation-Request-Id": {"contoso-1"}, "X-Ms-Client-Request-Id": {"contoso-2"}, "X-Ms-Return-Client-Request-Id": {"true"},
	}
	got = a.send("GET", clusterPath+"?api-version="+stable, "", asked).header
	equal(t, "correlation", got.Get("x-ms-correlation-request-id"), "contoso-1")
	equal(t, "client", got.Get("x-ms-client-request-id"), "contoso-2")
}

func TestProviderMetadata(t *testing.T) {
	a := start(t)
	got := a.get(servicePath, "2021-04-01")
	equal(t, "state", got.text("registrationState"), "Registered")
	offered := offeredVersions(t, got)
	for i, version := range offered {
		if !regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(-preview)?$`).MatchString(version) {
			t.Errorf("%q is no api-version", version)
		}
		if i > 0 && version[:10] > offered[i-1][:10] {
			t.Errorf("%s stands after %s", version, offered[i-1])
		}
		equal(t, version, a.get(clusterPath, version).status, 200)
	}
	if len(offered) < 10 {
		t.Errorf("only %d api-versions are offered", len(offered))
	}
}

func offeredVersions(t *testing.T, got answer) (offered []string) {
	t.Helper()
	for _, resourceType := range parsed(t, got.body).items("resourceTypes") {
		if resourceType.str("resourceType") != "managedClusters" {
			continue
		}
		for _, version := range resourceType.items("apiVersions") {
			offered = append(offered, plain(version))
		}
	}
	return offered
}

// Which api-versions know the mechanism is what a client has to find out.
func TestVersionsThatKnowTheMechanism(t *testing.T) {
	a := start(t)
	for version, want := range map[string]string{
		"2026-04-01": InitContainers, "2026-01-01": InitContainers, "2025-10-02-preview": InitContainers, "2025-08-02-preview": InitContainers,
		"2025-10-01": "", "2025-07-02-preview": "", "2024-01-01": "",
	} {
		equal(t, version, a.get(clusterPath, version).text(mechanismPath()...), want)
	}
}

func TestGroups(t *testing.T) {
	a := start(t)
	group := "/subscriptions/" + testSubscription + "/resourceGroups/"
	nodes := a.get(group+"mc_rg-contoso_aks-contoso_westeurope", "2021-04-01")
	equal(t, "managedBy", strings.EqualFold(nodes.text("managedBy"), clusterPath), true)
	equal(t, "cluster", nodes.text("tags", "aks-managed-cluster-name"), "aks-contoso")
	equal(t, "group", nodes.text("tags", "aks-managed-cluster-rg"), "rg-contoso")
	own := a.get(group+"rg-contoso", "2021-04-01")
	equal(t, "status", own.status, 200)
	equal(t, "managedBy", own.text("managedBy"), "")
	equal(t, "groups", len(parsed(t, a.get(strings.TrimSuffix(group, "/"), "2021-04-01").body).items("value")), 2)
}

func TestSubscriptions(t *testing.T) {
	other := "22222222-2222-4222-8222-222222222222"
	a := start(t, func(c *Config) {
		c.Clusters = []Cluster{{Subscription: other, ResourceGroup: "rg-fabrikam", Name: "aks-fabrikam", Location: "eastus", NodeResourceGroup: "MC_fabrikam"}}
	})
	equal(t, "tenant", a.get("/subscriptions/"+testSubscription, "2022-12-01").text("tenantId"), testTenant)
	list := parsed(t, a.get("/subscriptions", "2022-12-01").body)
	var found []string
	for _, s := range list.items("value") {
		found = append(found, s.str("subscriptionId"))
	}
	equal(t, "subscriptions", fmt.Sprint(found), fmt.Sprint([]string{testSubscription, other}))
	equal(t, "cluster", a.get("/subscriptions/"+other+"/resourceGroups/rg-fabrikam/providers/Microsoft.ContainerService/managedClusters/aks-fabrikam", stable).status, 200)
	all := servicePath + "/managedClusters"
	in := func(group string) string {
		return strings.Replace(all, "/providers", "/resourceGroups/"+group+"/providers", 1)
	}
	for path, want := range map[string]string{
		all: "aks-contoso",
		strings.Replace(all, testSubscription, other, 1): "aks-fabrikam",
		in("RG-Contoso"): "aks-contoso",
		in("MC_rg-contoso_aks-contoso_westeurope"): "",
	} {
		var found []string
		for _, c := range parsed(t, a.get(path, stable).body).items("value") {
			found = append(found, c.str("name"))
		}
		equal(t, path, strings.Join(found, " "), want)
	}
}

func TestMeshProfiles(t *testing.T) {
	a := start(t, func(c *Config) { c.Cluster.Revisions = []string{"asm-1-27", "asm-1-28"} })
	list := parsed(t, a.get(servicePath+"/locations/westeurope/meshRevisionProfiles", stable).body).items("value")
	equal(t, "profiles", len(list), 1)
	revisions := list[0].items("properties", "meshRevisions")
	upgrades := map[string]string{}
	for _, r := range revisions {
		upgrades[r.str("revision")] = "none"
		if next := r.get("upgrades"); next != nil {
			upgrades[r.str("revision")] = compact(t, next.bytes())
		}
	}
	equal(t, "oldest", upgrades["asm-1-17"], `["asm-1-18"]`)
	equal(t, "asm-1-27", upgrades["asm-1-27"], `["asm-1-28","asm-1-29"]`)
	equal(t, "newest", upgrades["asm-1-30"], "none")
	one := a.get(servicePath+"/locations/West%20Europe/meshRevisionProfiles/istio", stable)
	equal(t, "one profile", one.text("name"), "istio")
	equal(t, "another mesh", a.get(servicePath+"/locations/westeurope/meshRevisionProfiles/osm", stable).status, 404)

	upgrade := a.get(clusterPath+"/meshUpgradeProfiles/istio", stable)
	equal(t, "revision", upgrade.text("properties", "revision"), "asm-1-27")
	equal(t, "upgrades", compact(t, parsed(t, upgrade.body).get("properties", "upgrades").bytes()), `["asm-1-28","asm-1-29"]`)
	if err := a.SetScenarios(ScenarioMeshDisabled); err != nil {
		t.Fatal(err)
	}
	equal(t, "without a mesh", a.get(clusterPath+"/meshUpgradeProfiles/istio", stable).status, 404)
	equal(t, "without a mesh", compact(t, a.get(clusterPath+"/meshUpgradeProfiles", stable).body), `{"value":[]}`)
}

func TestCredentials(t *testing.T) {
	a := start(t)
	path := clusterPath + "/listClusterUserCredential?api-version=" + stable
	plainConfig := kubeconfigOf(t, a.send("POST", path, "", nil))
	if !strings.Contains(plainConfig, "token: contoso") {
		t.Errorf("the kubeconfig is %s", plainConfig)
	}
	equal(t, "public", kubeconfigOf(t, a.send("POST", path+"&server-fqdn=public&format=azure", "", nil)), plainConfig)
	withExec := kubeconfigOf(t, a.send("POST", path+"&format=exec", "", nil))
	if !strings.Contains(withExec, "command: kubelogin") || !strings.Contains(withExec, testTenant) || strings.Contains(withExec, "token: contoso") {
		t.Errorf("the kubeconfig is %s", withExec)
	}
	equal(t, "private", a.send("POST", path+"&server-fqdn=private", "", nil).status, 400)
	equal(t, "unknown format", a.send("POST", path+"&format=x", "", nil).code(), "InvalidParameter")
}

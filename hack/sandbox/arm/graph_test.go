package arm

import (
	"fmt"
	"strings"
	"testing"
)

func (a *azure) query(query, options string) answer {
	a.t.Helper()
	body := `{"query":` + quoted(query) + `,"options":{` + options + `}}`
	return a.send("POST", "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01", body, nil)
}

func withFleet(c *Config) {
	for i := range 5 {
		c.Clusters = append(c.Clusters, Cluster{
			Subscription:  "22222222-2222-4222-8222-222222222222",
			ResourceGroup: "rg-fleet", Name: fmt.Sprintf("aks-fleet-%d", i), Location: "eastus", NodeResourceGroup: fmt.Sprintf("MC_fleet_%d", i),
			FQDN: fmt.Sprintf("fleet-%d.hcp.eastus.azmk8s.io", i), KubernetesVersion: "1.34.2", Pools: []Pool{{Name: "system", Count: i}},
		})
	}
}

func TestGraphFindsAClusterByItsServer(t *testing.T) {
	a := start(t, withFleet)
	for _, host := range []string{"contoso-dns-0a1b2c3d.hcp.westeurope.azmk8s.io", "CONTOSO-DNS-0A1B2C3D.portal.hcp.westeurope.azmk8s.io"} {
		got := a.query("Resources | where type =~ 'Microsoft.ContainerService/managedClusters' | where properties.fqdn =~ '"+host+
			"' or properties.privateFQDN =~ '"+host+"' or properties.azurePortalFQDN =~ '"+host+"' | project id, properties.fqdn", "")
		rows := parsed(t, got.body).items("data")
		if len(rows) != 1 {
			t.Fatalf("%s: %s", host, got.body)
		}
		equal(t, "id", strings.EqualFold(rows[0].str("id"), clusterPath), true)
		equal(t, "column", rows[0].str("properties_fqdn"), "contoso-dns-0a1b2c3d.hcp.westeurope.azmk8s.io")
	}
}

func TestQueries(t *testing.T) {
	a := start(t, withFleet)
	const clusters = "resources | where type == 'microsoft.containerservice/managedclusters' "
	for _, test := range []struct{ query, want string }{
		{clusters + "| count", `[{"Count":6}]`},
		{"where type =~ 'Microsoft.ContainerService/managedClusters' | count", `[{"Count":6}]`},
		{"Resources | where type == 'Microsoft.ContainerService/managedClusters' | count", `[{"Count":0}]`},
		{"Resources | count", `[{"Count":13}]`},
		{"Resources | where type has 'virtualMachineScaleSets' and resourceGroup == 'mc_fleet_1' | project kind", `[{"kind":""}]`},
		{clusters + "| where name !startswith 'aks-fleet' | project name", `[{"name":"aks-contoso"}]`},
		{clusters + "| where name endswith '-3' or (name contains 'FLEET' and not(name != 'aks-fleet-1')) | project name | order by name asc", `[{"name":"aks-fleet-1"},{"name":"aks-fleet-3"}]`},
		{clusters + "| where location in~ ('EastUS', 'x') | order by name | take 2 | project name", `[{"name":"aks-fleet-4"},{"name":"aks-fleet-3"}]`},
		{clusters + "| where location !in ('eastus') | project n = name, l = tolower('X')", `[{"n":"aks-contoso","l":"x"}]`},
		{clusters + "| where isnotempty(properties.serviceMeshProfile.mode) | extend mode = tostring(properties.serviceMeshProfile.mode) | project name, mode", `[{"name":"aks-contoso","mode":"Istio"}]`},
		{clusters + "| where isnull(properties.serviceMeshProfile) | count", `[{"Count":5}]`},
		{clusters + "| where properties.serviceMeshProfile.istio.revisions[0] == \"asm-1-27\" | project r = properties['serviceMeshProfile'].istio.revisions", `[{"r":["asm-1-27"]}]`},
		{clusters + "| where properties.agentPoolProfiles[0]['count'] >= 3 and properties.agentPoolProfiles[0]['count'] < 4 | project name // both\n| sort by name desc", `[{"name":"aks-fleet-3"},{"name":"aks-contoso"}]`},
		{clusters + "| where tags.nothing =~ '' | count", `[{"Count":0}]`},
		{clusters + "| where name == 'it\\'s' | count", `[{"Count":0}]`},
	} {
		got := a.query(test.query, "")
		if got.status != 200 {
			t.Errorf("%s: %d %s", test.query, got.status, got.body)
			continue
		}
		equal(t, test.query, compact(t, parsed(t, got.body).get("data").bytes()), test.want)
	}
}

func TestQueriesThatCannotBeRead(t *testing.T) {
	a := start(t)
	for query, want := range map[string]string{
		"":                                     "ParserFailure 1 0 ",
		"Resources |":                          "ParserFailure 1 11 ",
		"Resources | where":                    "ParserFailure 1 17 ",
		"Resources\n| where name ==":           "ParserFailure 2 15 ",
		"Resources | where name = 'x'":         "ParserFailure 1 23 =",
		"Resources | where name =~ 'x":         "ParserFailure 1 26 'x",
		"Resources | where name in 'x'":        "ParserFailure 1 26 x",
		"Resources | where (name == 'x'":       "ParserFailure 1 30 ",
		"Resources | summarize count() by x":   "ParserFailure 1 12 summarize",
		"Resources | project-away id":          "ParserFailure 1 19 -away id",
		"Resources | where strcat(name) == ''": "ParserFailure 1 18 strcat",
		"Resources | take x":                   "ParserFailure 1 17 x",
		"Resources | take 1 2":                 "ParserFailure 1 19 2",
		"Resources where x":                    "ParserFailure 1 10 where",
		"SecurityResources | count":            "DisallowedLogicalTableName   ",
		strings.Repeat("(", maxQuery+1):        "",
	} {
		got := a.query(query, "")
		equal(t, "status", got.status, 400)
		equal(t, "code", got.code(), "BadRequest")
		details := parsed(t, got.body).items("error", "details")
		if want == "" {
			equal(t, "too long", details[0].str("code"), "InvalidRequest")
			continue
		}
		equal(t, query, details[0].str("code"), "InvalidQuery")
		d := details[1]
		equal(t, query, strings.Join([]string{d.str("code"), plain(d.get("line")), plain(d.get("characterPositionInLine")), d.str("token")}, " "), want)
	}
}

func TestGraphPages(t *testing.T) {
	a := start(t, withFleet)
	const query = "Resources | where type =~ 'microsoft.containerservice/managedclusters' | project id, name | order by name asc"
	var found []string
	token := ""
	for range 10 {
		options := `"$top":4`
		if token != "" {
			options += `,"$skipToken":` + quoted(token)
		}
		got := a.query(query, options)
		equal(t, "total", got.text("totalRecords"), "6")
		equal(t, "truncated", got.text("resultTruncated"), "false")
		for _, row := range parsed(t, got.body).items("data") {
			found = append(found, row.str("name"))
		}
		if token = got.text("$skipToken"); token == "" {
			break
		}
	}
	equal(t, "found", strings.Join(found, " "), "aks-contoso aks-fleet-0 aks-fleet-1 aks-fleet-2 aks-fleet-3 aks-fleet-4")

	cut := a.query(strings.Replace(query, "id, name", "name", 1), `"$top":4`)
	equal(t, "without ids", cut.text("resultTruncated")+cut.text("$skipToken")+cut.text("count"), "true4")
	token = a.query(query, `"$top":4`).text("$skipToken")
	equal(t, "token of another query", a.query("Resources", `"$skipToken":`+quoted(token)).status, 400)
	for _, options := range []string{`"$top":0`, `"$top":1001`, `"$skip":-1`, `"$skipToken":"x"`, `"$top":"4"`} {
		equal(t, options, a.query(query, options).status, 400)
	}
	skipped := a.query(query, `"$skip":5`)
	equal(t, "skipped", skipped.text("count"), "1")
}

func TestGraphFormatsAndSubscriptions(t *testing.T) {
	a := start(t, withFleet)
	table := a.query("Resources | where name == 'aks-contoso' | project name, n = 1, properties.sku", `"resultFormat":"table"`)
	equal(t, "table", compact(t, parsed(t, table.body).get("data").bytes()),
		`{"columns":[{"name":"name","type":"string"},{"name":"n","type":"integer"},{"name":"properties_sku","type":"string"}],"rows":[["aks-contoso",1,null]]}`)
	body := `{"subscriptions":["` + testSubscription + `"],"query":"Resources | where type has 'managedclusters' | project name"}`
	got := a.send("POST", "/providers/microsoft.resourcegraph/Resources?api-version=2022-10-01", body, nil)
	equal(t, "one subscription", compact(t, parsed(t, got.body).get("data").bytes()), `[{"name":"aks-contoso"}]`)
}

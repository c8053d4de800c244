package azure

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

const (
	// As kubelets write it: the resource group in lower case.
	scaleSetNode = "azure:///subscriptions/" + subscription + "/resourceGroups/mc_contoso-rg_contoso-aks_westeurope/providers/Microsoft.Compute/virtualMachineScaleSets/aks-nodepool1-12345678-vmss/virtualMachines/0"
	machineNode  = "azure:///subscriptions/" + subscription + "/resourceGroups/mc_contoso-rg_contoso-aks_westeurope/providers/Microsoft.Compute/virtualMachines/aks-nodepool1-12345678-0"
	fqdn         = "contoso-dns-1a2b3c4d.hcp.westeurope.azmk8s.io"
)

func TestNodeGroup(t *testing.T) {
	group := NodeGroup{subscription, "mc_contoso-rg_contoso-aks_westeurope"}
	for _, test := range []struct {
		name string
		ids  []string
		want NodeGroup
	}{
		{"scale set", []string{scaleSetNode}, group},
		{"machine", []string{machineNode}, group},
		{"in another spelling", []string{strings.ReplaceAll(scaleSetNode, "/resourceGroups/", "/resourcegroups/")}, group},
		{"the first node that tells", []string{"", "kind://docker/kind/kind-control-plane", scaleSetNode, machineNode}, group},
		{"no nodes", nil, NodeGroup{}},
		{"no ids", []string{"", ""}, NodeGroup{}},
		{"other clouds", []string{"aws:///eu-west-1a/i-0123", "gce://contoso/europe-west1-b/n"}, NodeGroup{}},
		{"not a resource id", []string{"azure://contoso", "azure:///subscriptions"}, NodeGroup{}},
		{"a resource outside any group", []string{"azure:///subscriptions/" + subscription + "/providers/Microsoft.Compute/virtualMachines/x"}, NodeGroup{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := Trace{ProviderIDs: test.ids}.NodeGroup()
			if diff := cmp.Diff(test.want, got); diff != "" || ok != (test.want != NodeGroup{}) {
				t.Errorf("ok %v (-want +got):\n%s", ok, diff)
			}
		})
	}
}

func TestProve(t *testing.T) {
	cluster := snapshot.Cluster{NodeResourceGroup: "MC_contoso-rg_contoso-aks_westeurope", FQDN: fqdn, PrivateFQDN: "contoso-1.0000.privatelink.westeurope.azmk8s.io"}
	without := func(change func(*snapshot.Cluster)) snapshot.Cluster {
		c := cluster
		change(&c)
		return c
	}
	const byNodes, byServer = "its nodes are in", "its API server is "
	other := "azure:///subscriptions/" + subscription + "/resourceGroups/mc_fabrikam/providers/Microsoft.Compute/virtualMachines/x"
	for _, test := range []struct {
		name    string
		trace   Trace
		cluster snapshot.Cluster
		proof   string
		err     string
	}{
		{"nodes in its group, whatever the case", Trace{ProviderIDs: []string{scaleSetNode}}, cluster, byNodes, ""},
		{"single machines", Trace{ProviderIDs: []string{machineNode}}, cluster, byNodes, ""},
		{"nodes count before the server's name", Trace{ProviderIDs: []string{scaleSetNode}, ServerNames: []string{"fabrikam.hcp.westeurope.azmk8s.io"}}, cluster, byNodes, ""},
		{"nodes in another group", Trace{ProviderIDs: []string{other}, ServerNames: []string{fqdn}}, cluster, "", "the nodes of the kube context are in resource group mc_fabrikam"},
		{"nodes in another subscription", Trace{ProviderIDs: []string{strings.ReplaceAll(scaleSetNode, subscription, "00000000-0000-0000-0000-000000000002")}}, cluster,
			"", "(subscription 00000000-0000-0000-0000-000000000002), but those of the cluster are in MC_contoso-rg_contoso-aks_westeurope (subscription " + subscription + ")"},
		{"a cluster that names no node group proves nothing", Trace{ProviderIDs: []string{scaleSetNode}}, without(func(c *snapshot.Cluster) { c.NodeResourceGroup = "" }), "", "those of the cluster are in"},

		{"server", Trace{ServerNames: []string{fqdn}}, cluster, byServer + fqdn, ""},
		{"server, in another spelling", Trace{ServerNames: []string{strings.ToUpper(fqdn)}}, cluster, byServer + fqdn, ""},
		{"private server", Trace{ServerNames: []string{cluster.PrivateFQDN}}, cluster, byServer + cluster.PrivateFQDN, ""},
		{"a tunnel, with the certificate's name", Trace{ServerNames: []string{"127.0.0.1", fqdn}}, cluster, byServer + fqdn, ""},
		{"another AKS server", Trace{ServerNames: []string{"fabrikam.hcp.westeurope.azmk8s.io"}}, cluster, "", "the API server of the kube context is fabrikam.hcp.westeurope.azmk8s.io, but that of the cluster is " + fqdn},
		{"another AKS server, government", Trace{ServerNames: []string{"x.hcp.usgovvirginia.cx.aks.containerservice.azure.us"}}, cluster, "", "but that of the cluster is"},

		{"an address", Trace{ServerNames: []string{"10.0.0.1"}}, cluster, "", ""},
		{"a name of somebody's own", Trace{ServerNames: []string{"k8s.contoso.example"}}, cluster, "", ""},
		{"nothing to go by", Trace{}, cluster, "", ""},
		{"nodes that are not Azure's", Trace{ProviderIDs: []string{"kind://docker/kind/x"}, ServerNames: []string{"127.0.0.1"}}, cluster, "", ""},
		{"a cluster without names is not another cluster", Trace{ServerNames: []string{fqdn}}, without(func(c *snapshot.Cluster) { c.FQDN, c.PrivateFQDN = "", "" }), "", ""},
		{"nor do two empty names match", Trace{ServerNames: []string{""}}, without(func(c *snapshot.Cluster) { c.FQDN, c.PrivateFQDN = "", "" }), "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			proof, err := test.trace.Prove(contoso(), test.cluster)
			switch {
			case test.err == "" && err != nil, test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
				t.Errorf("got error %v, want %q", err, test.err)
			case err != nil && (proof != "" || !strings.Contains(fail.Remedy(err), "--context")):
				t.Errorf("proof %q, remedy %q", proof, fail.Remedy(err))
			case !strings.HasPrefix(proof, test.proof) || (test.proof == "") != (proof == ""):
				t.Errorf("got proof %q, want %q", proof, test.proof)
			}
		})
	}
}

func TestParseClusterID(t *testing.T) {
	want := snapshot.Identity{
		ID:             "/subscriptions/" + subscription + "/resourceGroups/contoso-rg/providers/Microsoft.ContainerService/managedClusters/contoso-aks",
		SubscriptionID: subscription, ResourceGroup: "contoso-rg", Name: "contoso-aks",
	}
	for _, id := range []string{
		want.ID,
		"/subscriptions/" + subscription + "/resourcegroups/contoso-rg/providers/microsoft.containerservice/managedclusters/contoso-aks",
		"/SUBSCRIPTIONS/" + subscription + "/resourceGroups/contoso-rg/providers/Microsoft.ContainerService/ManagedClusters/contoso-aks",
	} {
		got, err := ParseClusterID(id)
		if err != nil {
			t.Errorf("%s: %v", id, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
	for id, want := range map[string]string{
		"":            "is not an Azure resource id",
		"contoso-aks": "is not an Azure resource id",
		"/subscriptions/" + subscription + "/resourceGroups/contoso-rg":                                                      "not an AKS cluster",
		"/subscriptions/" + subscription + "/resourceGroups/contoso-rg/providers/Microsoft.Compute/virtualMachines/x":        "is a Microsoft.Compute/virtualMachines, not an AKS cluster",
		strings.Replace(contoso().ID, "managedClusters", "fleets", 1):                                                        "not an AKS cluster",
		contoso().ID + "/agentPools/nodepool1":                                                                               "not an AKS cluster",
		"/subscriptions/" + subscription + "/resourceGroups/contoso-rg/providers/Contoso.ContainerService/managedClusters/x": "not an AKS cluster",
	} {
		if got, err := ParseClusterID(id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %+v, %v, want %q", id, got, err, want)
		}
	}
}

func TestIdentifyByNodes(t *testing.T) {
	trace := Trace{ProviderIDs: []string{scaleSetNode}, ServerNames: []string{fqdn}}
	s := &service{answers: []answer{{status: http.StatusOK, body: `{"name":"MC","managedBy":"` + strings.Replace(contoso().ID, "resourceGroups", "resourcegroups", 1) + `"}`}}}
	got, err := inMemory(s).Identify(t.Context(), trace)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(contoso(), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r := s.received(); len(r) != 1 || r[0].method != http.MethodGet || r[0].path != "/subscriptions/"+subscription+"/resourceGroups/mc_contoso-rg_contoso-aks_westeurope" {
		t.Errorf("asked %+v", r)
	}
	for _, test := range []struct {
		name         string
		answer       answer
		want, remedy string
	}{
		{"managed by nothing", answer{status: http.StatusOK, body: `{"name":"x"}`}, "the group is not managed by any resource", "--cluster-id"},
		{"managed by something else", answer{status: http.StatusOK, body: `{"managedBy":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Databricks/workspaces/w"}`}, "not an AKS cluster", "--cluster-id"},
		{"denied", answer{status: http.StatusForbidden, body: wrapped("AuthorizationFailed", "The client does not have authorization to perform action 'Microsoft.Resources/subscriptions/resourceGroups/read'")}, "resourceGroups/read", "role"},
		{"gone", answer{status: http.StatusNotFound, body: wrapped("ResourceGroupNotFound", "Resource group could not be found.")}, "ResourceGroupNotFound", ""},
		{"not JSON", answer{status: http.StatusOK, body: `<html>`}, "not the JSON that was expected", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := inMemory(&service{answers: []answer{test.answer}}).Identify(t.Context(), trace)
			if err == nil || !strings.HasPrefix(err.Error(), "cannot find the cluster that manages resource group mc_contoso-rg_contoso-aks_westeurope") ||
				!strings.Contains(err.Error(), test.want) || !strings.Contains(fail.Remedy(err), test.remedy) {
				t.Errorf("got %v (%q), want %q (%q)", err, fail.Remedy(err), test.want, test.remedy)
			}
		})
	}
}

func TestIdentifyByServer(t *testing.T) {
	trace := Trace{ServerNames: []string{"127.0.0.1", "o'brien\\"}}
	s := &service{answers: []answer{{status: http.StatusOK, body: `{"totalRecords":1,"count":1,"data":[{"id":"` + contoso().ID + `"}]}`}}}
	got, err := inMemory(s).Identify(t.Context(), trace)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(contoso(), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	r := s.received()
	if len(r) != 1 || r[0].method != http.MethodPost || r[0].path != "/providers/Microsoft.ResourceGraph/resources" {
		t.Fatalf("asked %+v", r)
	}
	var sent struct {
		Query         string   `json:"query"`
		Subscriptions []string `json:"subscriptions"`
	}
	if err := json.Unmarshal([]byte(r[0].body), &sent); err != nil {
		t.Fatal(err)
	}
	const want = `Resources | where type =~ 'microsoft.containerservice/managedclusters' | where ` +
		`properties.fqdn =~ '127.0.0.1' or properties.privateFQDN =~ '127.0.0.1' or properties.azurePortalFQDN =~ '127.0.0.1' or ` +
		`properties.fqdn =~ 'o\'brien\\' or properties.privateFQDN =~ 'o\'brien\\' or properties.azurePortalFQDN =~ 'o\'brien\\' | project id`
	if diff := cmp.Diff(want, sent.Query); diff != "" || sent.Subscriptions != nil {
		t.Errorf("subscriptions %v, query (-want +got):\n%s", sent.Subscriptions, diff)
	}
	for _, test := range []struct {
		name, body, want string
		status           int
	}{
		{"none", `{"data":[]}`, "this sign-in can see no such cluster", http.StatusOK},
		{"two", `{"data":[{"id":"` + contoso().ID + `"},{"id":"` + contoso().ID + `"}]}`, "there are 2 of them", http.StatusOK},
		{"not a cluster", `{"data":[{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/x"}]}`, "not an AKS cluster", http.StatusOK},
		{"denied", wrapped("AuthorizationFailed", "no"), "403 AuthorizationFailed", http.StatusForbidden},
		{"not JSON", "<html>", "not the JSON that was expected", http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := inMemory(&service{answers: []answer{{status: test.status, body: test.body}}}).Identify(t.Context(), trace)
			if err == nil || !strings.HasPrefix(err.Error(), `cannot find the cluster whose API server is 127.0.0.1 or o'brien\: `) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	unasked := &service{}
	if _, err := inMemory(unasked).Identify(t.Context(), Trace{}); err == nil || !strings.Contains(fail.Remedy(err), "--cluster-id") || len(unasked.received()) != 0 {
		t.Errorf("nothing to go by: got %v (%q)", err, fail.Remedy(err))
	}
}

// unquoteKQL reads a quoted string of the query language, as its reference
// describes it, and returns what follows it.
func unquoteKQL(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, "'") {
		return "", text, false
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\'':
			return b.String(), text[i+1:], true
		case '\\':
			if i++; i == len(text) {
				return "", text, false
			}
			b.WriteByte(text[i])
		default:
			b.WriteByte(text[i])
		}
	}
	return "", text, false
}

// Whatever a server is called, its name ends where the query says.
func FuzzEscapeKQL(f *testing.F) {
	for _, seed := range []string{fqdn, "'", `\`, `\'`, `x' or 1 == 1 | project id //`, `'' or '`, "\n", "契約"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		value, rest, ok := unquoteKQL("'" + escapeKQL(name) + "' | project id")
		if !ok || value != name || rest != " | project id" {
			t.Fatalf("%q is read as %q, followed by %q", name, value, rest)
		}
	})
}

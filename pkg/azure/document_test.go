package azure

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

// expand reads a template in which ⟦⟧ mark what must be gone from the body, and
// ⟪⟫ what must be replaced. Both are cut out by plain string operations, so that
// the expectation does not depend on the code under test.
func expand(template, mechanism string) (document, want string) {
	document = strings.NewReplacer("⟦", "", "⟧", "", "⟪", "", "⟫", "").Replace(template)
	var b strings.Builder
	rest := template
	for {
		before, after, found := strings.Cut(rest, "⟦")
		b.WriteString(before)
		if !found {
			break
		}
		_, rest, _ = strings.Cut(after, "⟧")
	}
	before, after, _ := strings.Cut(b.String(), "⟪")
	_, after, _ = strings.Cut(after, "⟫")
	return document, before + `"` + mechanism + `"` + after
}

// A document with what real ones have and models do not keep: unknown members,
// unusual spellings of numbers, nulls, escapes, integers beyond 2^53.
const awkward = `{` +
	`⟦"id": "/subscriptions/00000000-0000-0000-0000-000000000001/resourcegroups/contoso-rg/providers/Microsoft.ContainerService/managedClusters/contoso",⟧` +
	`⟦"name":"contoso",⟧⟦"type" : "Microsoft.ContainerService/ManagedClusters",⟧ "location":"westeurope",` +
	"\n\t" + `"tags":{"owner":"a\u002fb \"quoted\" \u00e4","empty":"","id":"kept","eTag":"kept"},` +
	`"sku":{"name":"Base","tier":"Standard"},"kind":null,` +
	`"identity":{"type":"SystemAssigned"⟦,"principalId":"p"⟧⟦,"tenantId":"t"⟧,"userAssignedIdentities":{"x":{"principalId":"kept"}}},` +
	`⟦"eTag":"5f0e1d2c",⟧` +
	`"properties":{` +
	`⟦"provisioningState":"Succeeded",⟧⟦"powerState":{"code":"Running"},⟧` +
	`"kubernetesVersion":"1.35",⟦"currentKubernetesVersion":"1.35.4",⟧` +
	`"numbers":[1.0,1e3,1E+03,-0,0.10,12345678901234567890,1.7976931348623157e308],` +
	`⟦"fqdn":"f",⟧⟦"privateFQDN":"p",⟧⟦"azurePortalFQDN":"a",⟧"fqdnSubdomain":"kept",` +
	`"agentPoolProfiles":[` +
	`{"name":"one","count":3⟦,"eTag":"e1"⟧⟦,"provisioningState":"Succeeded"⟧,"powerState":{"code":"Running"}⟦,"nodeImageVersion":"AKSUbuntu-2204"⟧⟦,"currentOrchestratorVersion":"1.35.4"⟧},` +
	`{"name":"two", "unheardOf":{"deep":[[[{"a":null}]],[]]},"nodeTaints":null}` +
	`],` +
	`"networkProfile":{"loadBalancerProfile":{"managedOutboundIPs":{"count":1}⟦,"effectiveOutboundIPs":[{"id":"x"}]⟧},"natGatewayProfile":{⟦"effectiveOutboundIPs":[],⟧"idleTimeoutInMinutes":4}},` +
	`"oidcIssuerProfile":{"enabled":true⟦,"issuerURL":"https://oidc.example/"⟧},` +
	`⟦"maxAgentPools":100,⟧⟦"resourceUID":"u",⟧` +
	`"serviceMeshProfile":{"mode":"Istio","istio":{"revisions":["asm-1-27"],"components":{"ingressGateways":[{"enabled":true,"mode":"External"}],"proxyRedirectionMechanism" :  ⟪"InitContainers"⟫,"egressGateways":null}}},` +
	`"serviceMeshProfileX":{"mode":"kept"}` +
	`}}`

func TestOnlyTheMechanismChanges(t *testing.T) {
	text, want := expand(awkward, "CNIChaining")
	if !json.Valid([]byte(text)) || !json.Valid([]byte(want)) {
		t.Fatal("the test's own documents are not JSON")
	}
	document, err := ParseDocument([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	change, err := document.WithMechanism(mesh.CNIChaining)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(change.Body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	var paths []string
	for _, path := range readOnlyPaths() {
		paths = append(paths, strings.Join(path, "."))
	}
	if diff := cmp.Diff(paths, change.Removed); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
	if document.ETag() != "5f0e1d2c" {
		t.Errorf("eTag %q", document.ETag())
	}
}

// Every member of a large document that is not on the list must come back.
func TestLargeDocumentsComeBackWhole(t *testing.T) {
	var b strings.Builder
	for i := range 700 {
		b.WriteString(`"member` + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + `_` + strings.Repeat("9", i%19+1) + `":{"n":` + strings.Repeat("1", i%40+1) + `.50,"list":[null,true,{"eTag":"kept","id":` + strings.Repeat("7", i%5+1) + `}]},`)
	}
	template := strings.Replace(awkward, `"numbers":`, b.String()+`"numbers":`, 1)
	text, want := expand(template, "CNIChaining")
	document, err := ParseDocument([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	change, err := document.WithMechanism(mesh.CNIChaining)
	if err != nil {
		t.Fatal(err)
	}
	if string(change.Body) != want {
		t.Error("something else than the mechanism and the read-only members changed")
	}
}

func TestMechanismIsAddedWhereItIsMissing(t *testing.T) {
	for name, test := range map[string]struct{ istio, want string }{
		"no components":    {`{"revisions":["asm-1-27"]}`, `{"revisions":["asm-1-27"],"components":{"proxyRedirectionMechanism":"CNIChaining"}}`},
		"null components":  {`{"components":null}`, `{"components":{"proxyRedirectionMechanism":"CNIChaining"}}`},
		"empty components": {`{"components":{}}`, `{"components":{"proxyRedirectionMechanism":"CNIChaining"}}`},
		"null mechanism":   {`{"components":{"proxyRedirectionMechanism":null}}`, `{"components":{"proxyRedirectionMechanism":"CNIChaining"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			frame := func(istio string) string {
				return `{"properties":{"serviceMeshProfile":{"mode":"Istio","istio":` + istio + `}}}`
			}
			document, err := ParseDocument([]byte(strings.Replace(frame(test.istio), "{", `{"id":"x",`, 1)))
			if err != nil {
				t.Fatal(err)
			}
			change, err := document.WithMechanism(mesh.CNIChaining)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(change.Body); got != frame(test.want) {
				t.Errorf("got  %s\nwant %s", got, frame(test.want))
			}
		})
	}
}

func TestDocumentsThatMustNotBeChanged(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"no mesh":          {`{"id":"x","properties":{}}`, "serviceMeshProfile is missing"},
		"no Istio profile": {`{"id":"x","properties":{"serviceMeshProfile":{"mode":"Istio"}}}`, "istio is missing"},
		"null mesh":        {`{"id":"x","properties":{"serviceMeshProfile":null}}`, "is not an object"},
		"twice": {`{"id":"x","properties":{"serviceMeshProfile":{"istio":{"components":{"proxyRedirectionMechanism":"A","proxyRedirectionMechanism":"B"}}}}}`,
			"stands twice"},
	} {
		t.Run(name, func(t *testing.T) {
			document, err := ParseDocument([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := document.WithMechanism(mesh.CNIChaining); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one about %q", err, test.want)
			}
		})
	}
}

func TestMechanismFollowsTheAPIVersion(t *testing.T) {
	const set = `{"id":"x","properties":{"serviceMeshProfile":{"mode":"Istio","istio":{"components":{"proxyRedirectionMechanism":"CNIChaining"}}}}}`
	const unset = `{"id":"x","properties":{"serviceMeshProfile":{"mode":"Istio","istio":{}}}}`
	const future = `{"id":"x","properties":{"serviceMeshProfile":{"mode":"Istio","istio":{"components":{"proxyRedirectionMechanism":"Ambient"}}}}}`
	const off = `{"id":"x","properties":{"serviceMeshProfile":{"mode":"Disabled"}}}`
	for name, test := range map[string]struct {
		text, version string
		want          mesh.Mechanism
	}{
		"set":                         {set, "2026-01-01", mesh.CNIChaining},
		"unset means init containers": {unset, "2026-01-01", mesh.InitContainers},
		"unset proves nothing where the version is too old": {unset, "2025-10-01", mesh.Unknown},
		"the enumeration is open":                           {future, "2026-01-01", "Ambient"},
		"no mesh, no mechanism":                             {off, "2026-01-01", mesh.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			document, err := ParseDocument([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := document.Cluster(ParseAPIVersion(test.version)).Mechanism; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func FuzzWithMechanism(f *testing.F) {
	text, _ := expand(awkward, "CNIChaining")
	f.Add([]byte(text))
	f.Add([]byte(`{"id":"x","properties":{"serviceMeshProfile":{"istio":{"components":null}}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		document, err := ParseDocument(text)
		if err != nil {
			return
		}
		change, err := document.WithMechanism(mesh.CNIChaining)
		if err != nil {
			return
		}
		if !json.Valid(change.Body) {
			t.Fatalf("not JSON: %s", change.Body)
		}
		// Changing it back gives what was read, less what is removed.
		again, err := ParseDocument(append([]byte(`{"id":"x",`), bytes.TrimLeft(change.Body, " \t\r\n")[1:]...))
		if err != nil {
			return
		}
		if got := again.Cluster(ParseAPIVersion("2026-01-01")); got.MeshMode == "Istio" && got.Mechanism != mesh.CNIChaining {
			t.Fatalf("mechanism %q in %s", got.Mechanism, change.Body)
		}
	})
}

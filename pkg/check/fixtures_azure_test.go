package check

import (
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func contoso() Object { return Object{Kind: "Cluster", Name: "contoso-aks"} }

func istiodObject(name string) Object { return Object{"Deployment", mesh.SystemNamespace, name} }

// withoutAzure is a cluster of which Azure tells nothing.
func withoutAzure(s *snapshot.Snapshot) {
	s.Cluster = snapshot.Part[snapshot.Cluster]{State: snapshot.Denied, Reason: "no sign-in"}
	s.Identity = snapshot.Part[snapshot.Identity]{State: snapshot.Denied}
}

// revisions gives the mesh some revisions, by Azure and by the control planes.
func revisions(s *snapshot.Snapshot, names ...string) {
	s.Cluster.Value.Revisions, s.Istiods.Value = names, nil
	for _, name := range names {
		s.Istiods.Value = append(s.Istiods.Value, snapshot.Istiod{Name: "istiod-" + name, Revision: name, Wanted: 2, Ready: 2})
	}
}

func azureFixtures() map[string]fixture {
	return map[string]fixture{
		"ICNI101": {
			fires: func(s *snapshot.Snapshot) {
				s.Cluster.Value.MeshMode, s.Cluster.Value.Revisions, s.Cluster.Value.Mechanism = "Disabled", nil, mesh.Unknown
				s.Istiods.Value = []snapshot.Istiod{{Name: "istiod", Wanted: 2, Ready: 2}}
			},
			expect:  []string{"mesh mode is Disabled", "Deployment istiod in aks-istio-system has no revision", "application routing", "az aks mesh enable --resource-group contoso-rg --name contoso-aks"},
			objects: []Object{contoso(), istiodObject("istiod")},
			// Something else's istiod beside the add-on's.
			near: func(s *snapshot.Snapshot) {
				s.Istiods.Value = append(s.Istiods.Value, snapshot.Istiod{Name: "istiod", Wanted: 1, Ready: 1})
			},
		},
		"ICNI102": {
			fires:   func(s *snapshot.Snapshot) { revisions(s, "asm-1-24") },
			expect:  []string{"revision asm-1-24", "asm-1-25 or later", "az aks mesh upgrade start --resource-group contoso-rg --name contoso-aks --revision"},
			objects: []Object{contoso(), istiodObject("istiod-asm-1-24")},
			near:    func(s *snapshot.Snapshot) { revisions(s, "asm-1-25") },
		},
		"ICNI103": {
			fires: func(s *snapshot.Snapshot) {
				revisions(s, "asm-1-27", "asm-1-28")
				s.InjectorMechanisms.Value["asm-1-28"] = mesh.InitContainers
			},
			expect: []string{
				"asm-1-27 and asm-1-28", "label --all-injected --revision asm-1-28", "az aks mesh upgrade complete", "az aks mesh upgrade rollback",
				"3 of the pods that were read were injected by asm-1-27", "the injector of asm-1-28 follows InitContainers",
			},
			objects: []Object{contoso(), istiodObject("istiod-asm-1-27"), istiodObject("istiod-asm-1-28")},
			// The old control plane goes after the upgrade was completed.
			near: func(s *snapshot.Snapshot) {
				revisions(s, "asm-1-26", "asm-1-27")
				s.Cluster.Value.Revisions = []string{"asm-1-27"}
			},
		},
		"ICNI104": {
			fires: func(s *snapshot.Snapshot) {
				s.Cluster.Value.APIVersion, s.Cluster.Value.KnowsMechanism, s.Cluster.Value.Mechanism = "2025-10-01", false, mesh.Unknown
			},
			expect:  []string{"api-version 2025-10-01", "--api-version 2026-01-01", "the injectors follow CNIChaining"},
			objects: []Object{contoso()},
			near: func(s *snapshot.Snapshot) {
				s.Cluster.Value.APIVersion, s.Cluster.Value.Mechanism = "2025-08-02-preview", mesh.InitContainers
			},
		},
		"ICNI105": {
			fires:   func(s *snapshot.Snapshot) { s.Cluster.Value.ProvisioningState = "Failed" },
			expect:  []string{"provisioning state is Failed", "az aks update --resource-group contoso-rg --name contoso-aks"},
			objects: []Object{contoso()},
			near:    func(s *snapshot.Snapshot) { s.Cluster.Value.ProvisioningState = "succeeded" },
		},
	}
}

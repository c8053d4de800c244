package check

import (
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Messages of the API server, as the ReplicaSet controller passes them on.
const (
	callFailed = `Error creating: Internal error occurred: failed calling webhook "rev.namespace.sidecar-injector.istio.io": failed to call webhook: ` +
		`Post "https://istiod-asm-1-27.aks-istio-system.svc:443/inject?timeout=10s": no endpoints available for service "istiod-asm-1-27"`
	baseline = `Error creating: pods "web-7d4b9c6f5d-x2x9p" is forbidden: violates PodSecurity "baseline:latest": non-default capabilities ` +
		`(container "istio-init" must not include "NET_ADMIN", "NET_RAW" in securityContext.capabilities.add)`
	restrictedInit = `Error creating: pods "web-7d4b9c6f5d-x2x9p" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities ` +
		`(container "istio-init" must not include "NET_ADMIN", "NET_RAW" in securityContext.capabilities.add), seccompProfile (pod or containers "istio-init", "istio-proxy" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")`
	restricted = `Error creating: pods "web-7d4b9c6f5d-x2x9p" is forbidden: violates PodSecurity "restricted:latest": seccompProfile ` +
		`(pod or containers "istio-validation", "istio-proxy" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")`
	restrictedApp = `Error creating: pods "web-7d4b9c6f5d-x2x9p" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities ` +
		`(container "app" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (container "app" must set securityContext.runAsNonRoot=true)`
	safeguards = `Error creating: admission webhook "validation.gatekeeper.sh" denied the request: [azurepolicy-k8sazurev3allowedcapabilities-1a2b] ` +
		`container <istio-init> has a disallowed capability. Allowed capabilities are []: NET_ADMIN, NET_RAW`
	safeguardsProxy = `Error creating: admission webhook "validation.gatekeeper.sh" denied the request: [azurepolicy-k8sazurev3allowedcapabilities-1a2b] ` +
		`container <istio-proxy> has a disallowed capability. Allowed capabilities are []: NET_ADMIN`
	safeguardsApp = `Error creating: admission webhook "validation.gatekeeper.sh" denied the request: [azurepolicy-k8sazurev3allowedcapabilities-1a2b] ` +
		`container <app> has a disallowed capability. Allowed capabilities are []: NET_ADMIN`
	restrictedBoth = `Error creating: pods "web-7d4b9c6f5d-x2x9p" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities ` +
		`(container "app" must not include "NET_ADMIN" in securityContext.capabilities.add), seccompProfile (pod or containers "istio-validation", "istio-proxy", "app" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")`
	policy = `Error creating: pods "web-7d4b9c6f5d-x2x9p" is forbidden: ValidatingAdmissionPolicy 'no-capabilities' with binding 'no-capabilities' denied request: Disallowed capabilities`
	quota  = `Error creating: pods "web-7d4b9c6f5d-x2x9p" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=10, limited: pods=10`
)

func refusing(message string) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) { addEvent(s, "FailedCreate", "ReplicaSet", shop, "web-7d4b9c6f5d", message) }
}

func admissionFixtures() map[string]fixture {
	replicaSet := Object{"ReplicaSet", shop, "web-7d4b9c6f5d"}
	return map[string]fixture{
		"ICNI601": {
			fires: func(s *snapshot.Snapshot) {
				s.InjectorMechanisms.Value = map[string]mesh.Mechanism{revision: mesh.InitContainers}
				s.Pods.Value[0] = privilegedPod("web", 1, node1)
			},
			expect:  []string{"Azure says CNIChaining", "new pods of asm-1-27 get istio-init", "was made after the node agent and has istio-init", "kubectl istio-cni enable --reconcile"},
			objects: []Object{{"ConfigMap", mesh.SystemNamespace, "istio-sidecar-injector-" + revision}},
			// Azure is at it.
			near: func(s *snapshot.Snapshot) {
				s.InjectorMechanisms.Value = map[string]mesh.Mechanism{revision: mesh.InitContainers}
				s.Cluster.Value.ProvisioningState = "Updating"
			},
		},
		"ICNI602": {
			fires: func(s *snapshot.Snapshot) {
				refusing(callFailed)(s)
				s.Istiods.Value[0].Ready = 0
				s.Endpoints.Value["istiod-"+revision] = 0
			},
			expect:  []string{"failed calling webhook", "no ready endpoint", "ready with 0 of 2 replicas", "kubectl get endpointslices"},
			objects: []Object{{"Deployment", mesh.SystemNamespace, "istiod-" + revision}, {"Service", mesh.SystemNamespace, "istiod-" + revision}, WorkloadObject(webShop), replicaSet},
			// It was so an hour ago.
			near: func(s *snapshot.Snapshot) {
				refusing(callFailed)(s)
				s.Events.Value[0].Last = ago(time.Hour)
			},
		},
		"ICNI603": {
			fires:   func(s *snapshot.Snapshot) { addForeign(s, mesh.RevisionLabel, revision) },
			expect:  []string{"calls Service istio-system/istiod", "both it and the add-on's webhook match namespace shop", "kubectl delete mutatingwebhookconfiguration istio-sidecar-injector"},
			objects: []Object{webhookObject("istio-sidecar-injector"), NamespaceObject(shop)},
			// A revision and its tag are one.
			near: func(s *snapshot.Snapshot) {
				s.Injectors.Value = append(s.Injectors.Value, injectorsOf(revision, "prod")...)
			},
		},
		"ICNI604": {
			fires:   func(s *snapshot.Snapshot) { s.Pods.Value[0].Misplaced = []string{"vault-agent-init"} },
			expect:  []string{"have vault-agent-init before istio-validation", "kubectl get mutatingwebhookconfigurations"},
			objects: []Object{WorkloadObject(webShop), PodObject(healthy().Pods.Value[0])},
			near: func(s *snapshot.Snapshot) {
				s.Pods.Value[0].Misplaced, s.Pods.Value[0].Phase = []string{"vault-agent-init"}, "Succeeded"
			},
		},
		"ICNI605": {
			fires: func(s *snapshot.Snapshot) {
				initContainers(s)
				refusing(baseline)(s)
			},
			expect:  []string{`violates PodSecurity \"baseline`, "kubectl istio-cni enable", "kubectl istio-cni restart -n shop deployment/web"},
			objects: []Object{WorkloadObject(webShop), replicaSet},
			near:    refusing(restrictedApp),
		},
		"ICNI606": {
			fires:   refusing(restricted),
			expect:  []string{"seccompProfile", "RuntimeDefault", "kubectl patch -n shop deployment/web"},
			objects: []Object{WorkloadObject(webShop), replicaSet},
			near:    refusing(restrictedApp),
		},
		"ICNI607": {
			fires:   refusing(safeguardsProxy),
			expect:  []string{"azurepolicy", "REDIRECT"},
			objects: []Object{WorkloadObject(webShop), replicaSet},
			near:    refusing(safeguardsApp),
		},
	}
}

// addForeign adds the webhook of another Istio that matches a label.
func addForeign(s *snapshot.Snapshot, key, value string) {
	foreign := injectorsOf("default", value)[0]
	foreign.Configuration, foreign.Service = "istio-sidecar-injector", "istio-system/istiod"
	foreign.NamespaceSelector.MatchExpressions = foreign.NamespaceSelector.MatchExpressions[:1]
	foreign.NamespaceSelector.MatchExpressions[0].Key = key
	s.Injectors.Value = append(s.Injectors.Value, foreign)
}

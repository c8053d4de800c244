package e2e

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/arm"
)

const theCluster = "Cluster/contoso-aks"

// asItIs plants nothing: the sandbox itself has the fault.
func asItIs(*lab) {}

// azureModes are of the cluster's Azure resource.
func azureModes() []mode {
	scenario := func(name string) func(*lab) {
		return func(l *lab) {
			l.must(l.ARM.SetScenarios(name))
			l.afterwards(func() { l.must(l.ARM.SetScenarios()) })
		}
	}
	cluster := []string{theCluster}
	return []mode{
		{
			name: "too old an api-version", rule: "ICNI104", plant: asItIs, args: []string{"--api-version", "2025-05-01"},
			objects: cluster, texts: []string{"2025-05-01", "the injectors follow InitContainers"},
		},
		{name: "stopped", rule: "ICNI105", plant: scenario(arm.ScenarioStopped), objects: cluster, texts: []string{"the cluster is stopped", "az aks start"}},
		{name: "busy", rule: "ICNI105", plant: scenario(arm.ScenarioBusy), objects: cluster, texts: []string{"an operation is running", `"medium"`}},
		{name: "failed", rule: "ICNI105", plant: scenario(arm.ScenarioProvisioningFailed), objects: cluster, texts: []string{"Failed", "az aks update"}},
	}
}

// canaryModes are of a mesh with two revisions.
func canaryModes() []mode {
	return []mode{{
		name: "an upgrade", rule: "ICNI103", plant: asItIs,
		objects: []string{theCluster}, texts: []string{"asm-1-27", "asm-1-28"},
	}}
}

// oldModes are of an old mesh with an old pool.
func oldModes() []mode {
	return []mode{
		{
			name: "an old revision", rule: "ICNI102", plant: asItIs,
			objects: []string{theCluster, "Deployment/aks-istio-system/istiod-asm-1-24"}, texts: []string{"asm-1-24", "kubectl istio-cni revisions"},
			with: map[string]string{"ICNI306": "the cluster has a pool of Ubuntu 20.04 as well"},
		},
		{
			name: "Ubuntu 20.04", rule: "ICNI306", plant: asItIs,
			objects: []string{"Node/aks-legacy-12345678-vmss000000", "NodePool/legacy"}, texts: []string{"Ubuntu 20.04.6 LTS", "--node-image-only"},
			with: map[string]string{"ICNI102": "the mesh is old as well"},
		},
	}
}

// meshlessModes are of a cluster without the add-on.
func meshlessModes() []mode {
	return []mode{
		{
			name: "the add-on is off", rule: "ICNI101", plant: asItIs,
			objects: []string{theCluster}, texts: []string{"az aks mesh enable --resource-group contoso-rg --name contoso-aks"},
		},
		{
			name: "the application routing add-on", rule: "ICNI101",
			plant: func(l *lab) {
				l.ns = "aks-istio-system"
				l.makeNamespace(nil)
				l.deploy("istiod", func(d *appsv1.Deployment) { d.Labels = map[string]string{"app": "istiod"} })
			},
			objects: []string{theCluster, "Deployment/aks-istio-system/istiod"}, texts: []string{"the application routing add-on"},
		},
	}
}

// classicModes are of sidecars that run beside the application, under CNIChaining.
func classicModes() []mode {
	return []mode{
		{
			name: "a kubelet is too old for native sidecars", rule: "ICNI308",
			plant: func(l *lab) {
				version := func(v string) {
					l.patchNode(node1, object{"status": object{"nodeInfo": object{"kubeletVersion": v}}}, "status")
				}
				version("v1.32.7")
				l.afterwards(func() { version("v1.35.4") })
			},
			objects: []string{"Node/" + node1}, texts: []string{"v1.32.7", "az aks nodepool upgrade"},
		},
		{
			name: "the application's init container has no network", rule: "ICNI514",
			plant: func(l *lab) {
				l.makeNamespace(inMesh())
				pods := l.deploy("web", held, onNode(node0), func(d *appsv1.Deployment) {
					d.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "migrate", Image: "registry.example/migrate:1"}}
				})
				l.crash(&pods[0], "migrate", 1, time.Minute)
			},
			objects: []string{thePods}, texts: []string{"migrate", "native sidecar"},
		},
	}
}

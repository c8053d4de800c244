package check

import (
	"maps"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func podFixtures() map[string]fixture {
	all := map[string]fixture{}
	for _, some := range []map[string]fixture{crashFixtures(), staleFixtures(), specFixtures(), sandboxFixtures()} {
		maps.Copy(all, some)
	}
	return all
}

var webShop = mesh.Workload{Kind: "Deployment", Namespace: shop, Name: "web"}

// crashOn puts a pod on a node whose istio-validation fails, and changes it.
func crashOn(s *snapshot.Snapshot, node string, changes ...func(*mesh.Pod)) *mesh.Pod {
	pod := unvalidatedPod("api", len(s.Pods.Value), node)
	for _, change := range changes {
		change(pod)
	}
	addPods(s, pod)
	return s.Pods.Value[len(s.Pods.Value)-1]
}

func asUser(uid int64) func(*mesh.Pod) { return func(p *mesh.Pod) { p.Redirect.RunAsUser = &uid } }

func asJob(p *mesh.Pod) {
	p.Workload, p.RestartPolicy, p.Phase = mesh.Workload{Kind: "Job", Namespace: shop, Name: "nightly"}, "Never", "Failed"
}

func crashFixtures() map[string]fixture {
	job := Object{"Job", shop, "nightly"}
	return map[string]fixture{
		"ICNI503": {
			fires: func(s *snapshot.Snapshot) {
				crashOn(s, node2)
				agentOn(s, node2).ReadySince = ago(8 * time.Minute)
			},
			expect:  []string{"exit code 126", "5 restarts", "before the agent became ready", "kubectl delete pod -n shop api-"},
			objects: []Object{NodeObject(node2), {"Pod", shop, "api-7d4b9c6f5d-d"}},
			// The agent had been ready before.
			near: func(s *snapshot.Snapshot) { crashOn(s, node2) },
		},
		"ICNI504": {
			fires:   func(s *snapshot.Snapshot) { crashOn(s, node2) },
			expect:  []string{"has been ready for 3d", "kubectl delete pod -n aks-istio-system " + mesh.AgentDaemonSet, "kubectl delete pod -n shop api-"},
			objects: []Object{NodeObject(node2), {"Pod", shop, "api-7d4b9c6f5d-d"}, AgentPodObject(mesh.AgentDaemonSet + "-b")},
			near: func(s *snapshot.Snapshot) {
				crashOn(s, node2).Failures[0].ExitCode = 1
			},
		},
		"ICNI505": {
			fires: func(s *snapshot.Snapshot) {
				crashOn(s, node1)
				crashOn(s, node2)
				s.Agent, s.AgentPods = snapshot.Missing[snapshot.Agent](), snapshot.Found([]snapshot.AgentPod{})
			},
			expect:  []string{"2 pods on 2 nodes", "does not exist", "kubectl istio-cni enable --reconcile"},
			objects: []Object{AgentObject()},
			near: func(s *snapshot.Snapshot) {
				crashOn(s, node1)
				crashOn(s, node2)
			},
		},
		"ICNI506": {
			fires:   func(s *snapshot.Snapshot) { crashOn(s, node2, asUser(2000)) },
			expect:  []string{"uid 2000 instead of 1337"},
			objects: []Object{{"Pod", shop, "api-7d4b9c6f5d-d"}, {"Deployment", shop, "api"}},
			// Istio was told to use another uid for both.
			near: func(s *snapshot.Snapshot) {
				user := int64(2000)
				crashOn(s, node2, asUser(user)).ProxyUser = &user
			},
		},
		"ICNI507": {
			fires:   func(s *snapshot.Snapshot) { crashOn(s, node2, asJob) },
			expect:  []string{"restartPolicy is Never", "Make the Job anew"},
			objects: []Object{job, {"Pod", shop, "api-7d4b9c6f5d-d"}},
			near: func(s *snapshot.Snapshot) {
				crashOn(s, node2, asJob).RestartPolicy = "OnFailure"
			},
		},
		"ICNI508": {
			fires: func(s *snapshot.Snapshot) {
				pod := crashOn(s, node2)
				addLog(s, agentLog(agentOn(s, node2), false), "info\tinstall\tready\ninfo\tcni-repair\tpod repaired\tpod="+shop+"/"+pod.Name+"\n")
			},
			expect:  []string{"the agent's log says: info cni-repair pod repaired", "kubectl delete pod -n shop api-"},
			objects: []Object{{"Pod", shop, "api-7d4b9c6f5d-d"}},
			// It has repaired another pod.
			near: func(s *snapshot.Snapshot) {
				crashOn(s, node2)
				addLog(s, agentLog(agentOn(s, node2), false), "info\tcni-repair\tpod repaired\tpod=shop/other-1\n")
			},
			unread: func(s *snapshot.Snapshot) { crashOn(s, node2) },
		},
	}
}

func staleFixtures() map[string]fixture {
	return map[string]fixture{
		"ICNI511": {
			fires: func(s *snapshot.Snapshot) {
				s.Workloads.Value[0].TemplateRedirect = mesh.InitContainer
			},
			expect:  []string{"the pod template of deployment/web in shop has the init container istio-init"},
			objects: []Object{WorkloadObject(webShop)},
			// The add-on's own are its own affair.
			near: func(s *snapshot.Snapshot) {
				s.Workloads.Value[0].Namespace, s.Workloads.Value[0].TemplateRedirect = mesh.SystemNamespace, mesh.InitContainer
			},
		},
		"ICNI512": {
			fires:   func(s *snapshot.Snapshot) { s.Pods.Value[0] = privilegedPod("web", 1, node1) },
			expect:  []string{"1 of 3 pods have istio-init", "kubectl istio-cni restart -n shop deployment/web"},
			objects: []Object{WorkloadObject(webShop), PodObject(healthy().Pods.Value[0])},
			// No restart would change it.
			near: func(s *snapshot.Snapshot) {
				s.Pods.Value[0] = privilegedPod("web", 1, node1)
				s.Workloads.Value[0].TemplateRedirect = mesh.InitContainer
			},
		},
		"ICNI513": {
			fires: func(s *snapshot.Snapshot) {
				initContainers(s)
				s.Pods.Value[0] = meshPod("web", 1, node1)
			},
			expect:  []string{"1 of 3 pods have istio-validation", "kubectl istio-cni restart -n shop deployment/web"},
			objects: []Object{WorkloadObject(webShop), PodObject(healthy().Pods.Value[0])},
			near: func(s *snapshot.Snapshot) {
				initContainers(s)
				s.Pods.Value[0] = meshPod("web", 1, node1)
				s.Pods.Value[0].Terminating = true
			},
		},
		"ICNI517": {
			fires:   func(s *snapshot.Snapshot) { addPods(s, plainPod("api", 1, node1)) },
			expect:  []string{"1 of 1 pods have no istio-proxy", "rev.namespace.sidecar-injector.istio.io", "kubectl istio-cni restart -n shop deployment/api"},
			objects: []Object{{"Deployment", shop, "api"}},
			// Somebody wants it so.
			near: func(s *snapshot.Snapshot) {
				pod := plainPod("api", 1, node1)
				pod.Labels = map[string]string{mesh.InjectLabel: "false"}
				addPods(s, pod)
			},
		},
		"ICNI520": {
			fires:   func(s *snapshot.Snapshot) { s.Pods.Value[0].Revision = "asm-1-25" },
			expect:  []string{"injected by asm-1-25", "the mesh's revisions are asm-1-27", "kubectl istio-cni label shop"},
			objects: []Object{WorkloadObject(webShop), PodObject(healthy().Pods.Value[0])},
			// The mesh has two.
			near: func(s *snapshot.Snapshot) {
				s.Pods.Value[0].Revision = "asm-1-26"
				s.Cluster.Value.Revisions = []string{"asm-1-26", revision}
			},
		},
	}
}

func specFixtures() map[string]fixture {
	return map[string]fixture{
		"ICNI501": {
			fires:   func(s *snapshot.Snapshot) { s.Pods.Value[0].Redirect = nil },
			expect:  []string{"neither istio-init nor istio-validation", "kubectl istio-cni restart -n shop deployment/web"},
			objects: []Object{WorkloadObject(webShop), PodObject(healthy().Pods.Value[0])},
			// A gateway has no redirection.
			near: func(s *snapshot.Snapshot) {
				s.Pods.Value[0].Redirect, s.Pods.Value[0].Template = nil, "gateway"
			},
		},
		"ICNI502": {
			fires: func(s *snapshot.Snapshot) {
				s.Pods.Value[0].Labels = map[string]string{mesh.InjectLabel: "false"}
			},
			expect:  []string{"the label sidecar.istio.io/inject=false", "leaves such pods alone"},
			objects: []Object{WorkloadObject(webShop)},
			// The label beats the annotation.
			near: func(s *snapshot.Snapshot) {
				s.Pods.Value[0].Labels = map[string]string{mesh.InjectLabel: "true"}
				s.Pods.Value[0].InjectAnnotation = "false"
			},
		},
		"ICNI514": {
			fires: func(s *snapshot.Snapshot) {
				s.Pods.Value[0].NativeSidecar = false
				s.Pods.Value[0].Failures = []mesh.Failure{{Container: "migrate", ExitCode: 7}}
			},
			expect:  []string{"init container migrate, with exit code 7", "kubectl logs -n shop web-", "probably"},
			objects: []Object{WorkloadObject(webShop)},
			// With a native sidecar the proxy runs before it.
			near: func(s *snapshot.Snapshot) {
				s.Pods.Value[0].Failures = []mesh.Failure{{Container: "migrate", ExitCode: 7}}
			},
		},
		"ICNI515": {
			fires:   func(s *snapshot.Snapshot) { s.Pods.Value[0].AsProxyUser = []string{"app"} },
			expect:  []string{"run app as uid 1337", "kubectl edit -n shop deployment/web"},
			objects: []Object{WorkloadObject(webShop)},
			// Outside the mesh any uid will do.
			near: func(s *snapshot.Snapshot) {
				pod := plainPod("api", 1, node1)
				pod.AsProxyUser, pod.Labels = []string{"app"}, map[string]string{mesh.InjectLabel: "false"}
				addPods(s, pod)
			},
		},
		"ICNI516": {
			fires: func(s *snapshot.Snapshot) {
				pod := plainPod("api", 1, node1)
				pod.Namespace, pod.Workload.Namespace, pod.Labels = "default", "default", map[string]string{mesh.InjectLabel: "true"}
				addPods(s, pod)
			},
			expect:  []string{"namespace default has no label istio.io/rev", "kubectl istio-cni label default"},
			objects: []Object{{"Deployment", "default", "api"}},
			// The pod has the revision as well, which is enough.
			near: func(s *snapshot.Snapshot) {
				pod := meshPod("api", 1, node1)
				pod.Namespace, pod.Workload.Namespace = "default", "default"
				pod.Labels = map[string]string{mesh.InjectLabel: "true", mesh.RevisionLabel: revision}
				addPods(s, pod)
			},
		},
		"ICNI518": {
			fires: func(s *snapshot.Snapshot) {
				pod := plainPod("api", 1, node1)
				pod.HostNetwork = true
				addPods(s, pod)
			},
			expect:  []string{"uses the host's network"},
			objects: []Object{{"Deployment", shop, "api"}},
			near: func(s *snapshot.Snapshot) {
				pod := plainPod("exporter", 1, node1)
				pod.HostNetwork, pod.Namespace, pod.Workload.Namespace = true, "default", "default"
				addPods(s, pod)
			},
		},
		"ICNI519": {
			fires: func(s *snapshot.Snapshot) {
				s.Pods.Value[0].InterceptionMode, s.Pods.Value[0].Privileged = "TPROXY", []string{mesh.ProxyContainer}
			},
			expect:  []string{"interception mode TPROXY", "set it to REDIRECT"},
			objects: []Object{WorkloadObject(webShop)},
			near:    func(s *snapshot.Snapshot) { s.Pods.Value[0].InterceptionMode = "REDIRECT" },
		},
	}
}

func sandboxFixtures() map[string]fixture {
	const message = `Failed to create pod sandbox: plugin type="istio-cni" name="istio-cni" failed (add): annotation value error for includeOutboundPorts: web`
	pending := func(s *snapshot.Snapshot) {
		s.Pods.Value[0].Phase = "Pending"
		addEvent(s, "FailedCreatePodSandBox", "Pod", shop, s.Pods.Value[0].Name, message)
	}
	return map[string]fixture{
		"ICNI509": {
			fires:   pending,
			expect:  []string{"annotation value error for includeOutboundPorts", "7 times", "metadata.annotations"},
			objects: []Object{PodObject(healthy().Pods.Value[0]), WorkloadObject(webShop)},
			// The pod runs by now.
			near: func(s *snapshot.Snapshot) {
				pending(s)
				s.Pods.Value[0].Phase = "Running"
			},
		},
		"ICNI510": {
			fires:   func(s *snapshot.Snapshot) { s.Pods.Value[0].InterceptionMode = "NONE" },
			expect:  []string{"have interception mode NONE", "the mechanism is CNIChaining"},
			objects: []Object{WorkloadObject(webShop)},
			// What is not in the mesh is not redirected anyhow.
			near: func(s *snapshot.Snapshot) {
				pod := plainPod("api", 1, node1)
				pod.InterceptionMode, pod.Namespace, pod.Workload.Namespace = "NONE", "default", "default"
				addPods(s, pod)
			},
		},
	}
}

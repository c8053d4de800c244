package e2e

import (
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const thePod, thePods = "Pod/{ns}/web", "Pod/{ns}/web-*"

// crashModes are of pods whose istio-validation fails, under CNIChaining.
func crashModes() []mode {
	return []mode{
		{
			name: "the pod was quicker than the agent", rule: "ICNI503",
			plant: func(l *lab) {
				l.makeNamespace(inMesh())
				pods := l.deploy("web", held, onNode(node1))
				l.crash(&pods[0], validation, unredirected, time.Minute)
				l.deleteAgent(node1)
				l.agentsReady()
			},
			objects: []string{thePods}, texts: []string{node1},
		},
		{
			name: "the agent was ready before", rule: "ICNI504",
			plant: func(l *lab) {
				l.makeNamespace(inMesh())
				l.holdAgent(node2, readySince(time.Hour))
				pods := l.deploy("web", held, onNode(node2))
				l.crash(&pods[0], validation, unredirected, 0)
			},
			objects: []string{thePods, anyAgent}, texts: []string{node2, "kubectl delete pod -n aks-istio-system " + agentDaemonSet},
		},
		{
			name: "the agent is missing everywhere", rule: "ICNI201",
			plant: func(l *lab) {
				l.makeNamespace(inMesh())
				l.removeAgent()
				for _, name := range []string{"web-a", "web-b"} {
					pods := l.deploy(name, held, onNode(map[string]string{"web-a": node0, "web-b": node1}[name]))
					l.crash(&pods[0], validation, unredirected, time.Minute)
				}
			},
			objects:  []string{theDaemonSet},
			explains: map[string]string{"ICNI505": "the pods fail everywhere because the agent is missing"},
		},
		{
			name: "the agent leaves the namespace out", rule: "ICNI405",
			plant: func(l *lab) {
				l.changeConfig("istio-cni-config", "EXCLUDE_NAMESPACES", func(names string) string { return names + "," + l.ns })
				l.makeNamespace(inMesh())
				pods := l.deploy("web", held, onNode(node1))
				l.crash(&pods[0], validation, unredirected, 0)
			},
			objects: []string{"Namespace/{ns}", thePods}, texts: []string{"EXCLUDE_NAMESPACES"},
		},
		{
			name: "a policy changed the uid", rule: "ICNI506",
			plant: func(l *lab) {
				pod := l.bypassing(func(pod *corev1.Pod) {
					initContainer(pod, validation).SecurityContext.RunAsUser = new(int64(2000))
				})
				l.crash(pod, validation, unredirected, 0)
			},
			objects: []string{thePod}, texts: []string{"2000", "1337"},
		},
		{
			name: "a Job that is not tried again", rule: "ICNI507",
			plant: func(l *lab) {
				l.makeNamespace(inMesh())
				l.holdAgent(node0, readySince(time.Hour))
				template := deploymentOf("nightly", held, onNode(node0)).Spec.Template
				template.Spec.RestartPolicy = corev1.RestartPolicyNever
				job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "nightly"}, Spec: batchv1.JobSpec{Template: template, BackoffLimit: new(int32(0))}}
				_, err := l.Client.BatchV1().Jobs(l.ns).Create(l.ctx(), job, metav1.CreateOptions{})
				l.must(err)
				var pods *corev1.PodList
				until(l.t, func() string {
					pods, err = l.Client.CoreV1().Pods(l.ns).List(l.ctx(), metav1.ListOptions{})
					l.must(err)
					if len(pods.Items) != 1 || pods.Items[0].Spec.NodeName == "" {
						return "the Job has no pod"
					}
					return ""
				})
				l.crash(&pods.Items[0], validation, unredirected, 0)
			},
			objects: []string{"Job/{ns}/nightly"}, texts: []string{"Never"},
		},
		{
			name: "repaired, it says", rule: "ICNI508",
			plant: func(l *lab) {
				l.makeNamespace(inMesh())
				agent := l.holdAgent(node1, readySince(time.Hour))
				pods := l.deploy("web", held, onNode(node1))
				l.crash(&pods[0], validation, unredirected, 0)
				// As soon as the pod was there, and before it failed last.
				l.logs(agent, false, pods[0].CreationTimestamp.Time, logInstalled,
					"info\tcni-repair\tRepairing pod... pod="+l.ns+"/"+pods[0].Name, "info\tcni-repair\tpod repaired pod="+l.ns+"/"+pods[0].Name)
			},
			objects: []string{thePods}, texts: []string{"repaired", "kubectl delete pod -n {ns} web-"},
		},
	}
}

// podModes are of single pods, under CNIChaining.
func podModes() []mode {
	return []mode{
		{
			name: "another webhook took the redirect container away", rule: "ICNI501",
			plant:   func(l *lab) { l.unhold(l.bypassing(withoutInitContainer(validation))) },
			objects: []string{thePod}, texts: []string{"istio-proxy"},
		},
		{
			name: "injection was switched off after the fact", rule: "ICNI502",
			plant: func(l *lab) {
				l.makeNamespace(inMesh())
				pod := l.deploy("web")[0]
				_, err := l.Client.CoreV1().Pods(l.ns).Patch(l.ctx(), pod.Name, types.MergePatchType,
					asJSON(object{"metadata": object{"labels": object{"sidecar.istio.io/inject": "false"}}}), metav1.PatchOptions{})
				l.must(err)
			},
			objects: []string{thePods}, texts: []string{"sidecar.istio.io/inject"},
		},
		{
			name: "the output of kube-inject was applied", rule: "ICNI511",
			plant: func(l *lab) {
				// What kube-inject prints is what the injector answers, in a template.
				l.must(l.Cluster.Reconcile(l.ctx(), "InitContainers"))
				l.makeNamespace(inMesh())
				var injected *corev1.Pod
				until(l.t, func() (complaint string) {
					var err error
					if injected, err = l.dryRun(l.ns, &deploymentOf("web").Spec.Template); err != nil {
						return err.Error()
					}
					return ""
				})
				l.must(l.Cluster.Reconcile(l.ctx(), "CNIChaining"))
				l.afterwards(l.agentsReady)
				l.agentsReady()
				l.deploy("web", func(d *appsv1.Deployment) {
					d.Spec.Template.Annotations, d.Spec.Template.Spec.InitContainers = injected.Annotations, injected.Spec.InitContainers
					d.Spec.Template.Spec.Volumes = injected.Spec.Volumes
				})
			},
			objects: []string{"Deployment/{ns}/web"}, texts: []string{istioInit},
		},
		{
			name: "pods from before the switch", rule: "ICNI512",
			plant:   func(l *lab) { l.switched("InitContainers", "CNIChaining") },
			objects: []string{thePods}, texts: []string{istioInit, "kubectl istio-cni restart -n {ns}"},
		},
		{
			name: "the application runs as the proxy's user", rule: "ICNI515",
			plant: func(l *lab) {
				l.makeNamespace(inMesh())
				l.deploy("web", func(d *appsv1.Deployment) {
					d.Spec.Template.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{RunAsUser: new(int64(1337))}
				})
			},
			objects: []string{thePods}, texts: []string{"1337"},
		},
		{
			name: "interception mode TPROXY", rule: "ICNI519",
			plant: func(l *lab) {
				l.makeNamespace(inMesh())
				l.deploy("web", annotated("sidecar.istio.io/interceptionMode", "TPROXY"))
			},
			objects: []string{thePods}, texts: []string{"TPROXY", "REDIRECT"},
		},
		{
			name: "its revision is no more", rule: "ICNI520",
			plant: func(l *lab) {
				l.unhold(l.bypassing(func(pod *corev1.Pod) {
					const status = "sidecar.istio.io/status"
					pod.Annotations[status] = strings.ReplaceAll(pod.Annotations[status], "asm-1-27", "asm-1-26")
					pod.Annotations[revisionLabel] = "asm-1-26"
				}))
			},
			objects: []string{thePod}, texts: []string{"asm-1-26", "asm-1-27"},
		},
		{
			name: "istio-validation does not come first", rule: "ICNI604",
			plant: func(l *lab) {
				l.unhold(l.bypassing(func(pod *corev1.Pod) {
					first := corev1.Container{Name: "vault-agent-init", Image: "registry.example/vault:1"}
					pod.Spec.InitContainers = append([]corev1.Container{first}, pod.Spec.InitContainers...)
				}))
			},
			objects: []string{thePod}, texts: []string{"vault-agent-init"},
		},
	}
}

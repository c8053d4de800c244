package mesh

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Pod holds the few facts about a pod that judging its redirection needs.
type Pod struct {
	Namespace   string          `json:"namespace"`
	Name        string          `json:"name"`
	Created     time.Time       `json:"created"`
	Workload    Workload        `json:"workload"`
	Node        string          `json:"node,omitempty"`
	Phase       corev1.PodPhase `json:"phase,omitempty"`
	Terminating bool            `json:"terminating,omitempty"`
	// Labels holds only the labels that injection depends on.
	Labels map[string]string `json:"labels,omitempty"`
	// InjectAnnotation is the value of the annotation sidecar.istio.io/inject,
	// which the label of the same name overrides.
	InjectAnnotation string `json:"injectAnnotation,omitempty"`
	HostNetwork      bool   `json:"hostNetwork,omitempty"`
	Windows          bool   `json:"windows,omitempty"`

	// Revision is the revision that injected the pod, "" if none did.
	Revision string `json:"revision,omitempty"`
	// Template is the injection template if the pod asked for one, such as
	// "gateway".
	Template string `json:"template,omitempty"`
	// InterceptionMode is REDIRECT, TPROXY or NONE; "" means Istio's default,
	// REDIRECT.
	InterceptionMode string `json:"interceptionMode,omitempty"`
	// HasProxy and NativeSidecar tell whether istio-proxy is in the pod, and
	// whether as an init container that keeps running.
	HasProxy      bool `json:"hasProxy,omitempty"`
	NativeSidecar bool `json:"nativeSidecar,omitempty"`
	// Redirect is the redirect container, nil if the pod has none.
	Redirect *Redirect `json:"redirect,omitempty"`
	// Privileged lists the containers that may change the pod's network: those
	// that are privileged or add NET_ADMIN, NET_RAW or all capabilities.
	Privileged []string `json:"privileged,omitempty"`
}

// Redirect is what is known of a redirect container.
type Redirect struct {
	Name string `json:"name"`
	// Capabilities is the securityContext's field as compact JSON, just as
	// kubectl's jsonpath prints it; "" if the field is absent.
	Capabilities string `json:"capabilities,omitempty"`
	RunAsUser    *int64 `json:"runAsUser,omitempty"`
}

// PodFrom reduces a pod to its facts. keepLabels reports which labels to keep;
// see [Injectors.UsesLabel].
func PodFrom(p *corev1.Pod, keepLabels func(key string) bool) Pod {
	pod := Pod{
		Namespace:        p.Namespace,
		Name:             p.Name,
		Created:          p.CreationTimestamp.Time,
		Workload:         OwnerOf(p),
		Node:             p.Spec.NodeName,
		Phase:            p.Status.Phase,
		Terminating:      p.DeletionTimestamp != nil,
		InjectAnnotation: p.Annotations[InjectLabel],
		HostNetwork:      p.Spec.HostNetwork,
		Windows:          p.Spec.OS != nil && p.Spec.OS.Name == corev1.Windows || p.Spec.NodeSelector[corev1.LabelOSStable] == string(corev1.Windows),
		Template:         p.Annotations["inject.istio.io/templates"],
		InterceptionMode: p.Annotations[InterceptionModeKey],
	}
	for key, value := range p.Labels {
		if keepLabels(key) {
			if pod.Labels == nil {
				pod.Labels = map[string]string{}
			}
			pod.Labels[key] = value
		}
	}
	pod.addContainers(&p.Spec)
	if pod.HasProxy {
		pod.Revision = injectedRevision(p.Annotations)
	}
	return pod
}

func (pod *Pod) addContainers(spec *corev1.PodSpec) {
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		switch c.Name {
		case InitContainer, ValidationContainer:
			pod.addRedirect(c)
		case ProxyContainer:
			pod.HasProxy = true
			pod.NativeSidecar = c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
		}
		pod.addPrivileges(c)
	}
	for i := range spec.Containers {
		c := &spec.Containers[i]
		pod.HasProxy = pod.HasProxy || c.Name == ProxyContainer
		pod.addPrivileges(c)
	}
}

// addRedirect notes a redirect container. A pod with both, which no injector
// makes, is told by the privileged one.
func (pod *Pod) addRedirect(c *corev1.Container) {
	if pod.Redirect != nil && c.Name != InitContainer {
		return
	}
	pod.Redirect = &Redirect{Name: c.Name}
	if sc := c.SecurityContext; sc != nil {
		pod.Redirect.Capabilities = capabilitiesJSON(sc.Capabilities)
		pod.Redirect.RunAsUser = sc.RunAsUser
	}
}

func (pod *Pod) addPrivileges(c *corev1.Container) {
	if mayChangeNetwork(c.SecurityContext) {
		pod.Privileged = append(pod.Privileged, c.Name)
	}
}

func capabilitiesJSON(c *corev1.Capabilities) string {
	if c == nil {
		return ""
	}
	// Two slices of strings always marshal.
	text, _ := json.Marshal(c)
	return string(text)
}

func mayChangeNetwork(sc *corev1.SecurityContext) bool {
	if sc == nil {
		return false
	}
	if sc.Privileged != nil && *sc.Privileged {
		return true
	}
	return sc.Capabilities != nil && slices.ContainsFunc(sc.Capabilities.Add, isNetworkCapability)
}

// isNetworkCapability knows the spellings that container runtimes accept:
// any case, with or without the prefix CAP_.
func isNetworkCapability(c corev1.Capability) bool {
	switch strings.TrimPrefix(strings.ToUpper(string(c)), "CAP_") {
	case "NET_ADMIN", "NET_RAW", "ALL":
		return true
	}
	return false
}

// injectedRevision reads the injector's own record, and the annotation that it
// leaves besides where the record is missing or from before it had revisions.
func injectedRevision(annotations map[string]string) string {
	var status struct {
		Revision string `json:"revision"`
	}
	if err := json.Unmarshal([]byte(annotations[StatusAnnotation]), &status); err == nil && status.Revision != "" {
		return status.Revision
	}
	return annotations[RevisionLabel]
}

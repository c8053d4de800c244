package mesh

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unique"

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

	// Recorded is set if the injector's record of what it did, the annotation
	// sidecar.istio.io/status, is on the pod.
	Recorded bool `json:"recorded,omitempty"`
	// ProxyUser is the uid of istio-proxy, nil if its container does not say.
	ProxyUser *int64 `json:"proxyUser,omitempty"`
	// AsProxyUser lists the application's containers that run as uid 1337, whose
	// traffic is not redirected.
	AsProxyUser []string `json:"asProxyUser,omitempty"`
	// InitAsProxyUser lists its init containers that do, which is a way to give them
	// a network before the proxy runs.
	InitAsProxyUser []string `json:"initAsProxyUser,omitempty"`
	// Misplaced lists the init containers on the wrong side of the redirect
	// container.
	Misplaced []string `json:"misplaced,omitempty"`
	// Started is when the kubelet accepted the pod; zero if it has not.
	Started time.Time `json:"started,omitzero"`
	// RestartPolicy is Never or OnFailure; "" stands for Always.
	RestartPolicy corev1.RestartPolicy `json:"restartPolicy,omitempty"`
	// Failures of init containers that have not recovered, in their order. UID is
	// the pod's where there are any.
	Failures []Failure `json:"failures,omitempty"`
	UID      string    `json:"uid,omitempty"`
	// Declined and Undecided name the injecting webhooks whose match conditions
	// leave the pod out, or could not be evaluated for it, as
	// configuration/webhook.
	Declined  []string `json:"declined,omitempty"`
	Undecided []string `json:"undecided,omitempty"`
}

// Failure is what is known of an init container that fails.
type Failure struct {
	Container string `json:"container"`
	// ExitCode of its latest end.
	ExitCode int32     `json:"exitCode"`
	Finished time.Time `json:"finished,omitzero"`
	Restarts int32     `json:"restarts,omitempty"`
	// Waiting is why it does not run, such as CrashLoopBackOff.
	Waiting string `json:"waiting,omitempty"`
}

// FailureOf is the failure of the init container of that name, nil if it has
// none.
func (pod *Pod) FailureOf(container string) *Failure {
	for i := range pod.Failures {
		if pod.Failures[i].Container == container {
			return &pod.Failures[i]
		}
	}
	return nil
}

// Redirect is what is known of a redirect container.
type Redirect struct {
	Name string `json:"name"`
	// Capabilities is the securityContext's field as compact JSON, just as
	// kubectl's jsonpath prints it; "" if the field is absent.
	Capabilities string `json:"capabilities,omitempty"`
	RunAsUser    *int64 `json:"runAsUser,omitempty"`
	// SecurityContext is all of it as compact JSON; "" if there is none.
	SecurityContext string `json:"securityContext,omitempty"`
}

// PodFrom reduces a pod to its facts. keepLabels reports which labels to keep;
// see [Injectors.UsesLabel].
func PodFrom(p *corev1.Pod, keepLabels func(key string) bool) *Pod {
	pod := &Pod{
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
	_, pod.Recorded = p.Annotations[StatusAnnotation]
	if p.Status.StartTime != nil {
		pod.Started = p.Status.StartTime.Time
	}
	if p.Spec.RestartPolicy != corev1.RestartPolicyAlways {
		pod.RestartPolicy = p.Spec.RestartPolicy
	}
	pod.addContainers(&p.Spec)
	pod.addMisplaced(&p.Spec)
	if pod.HasProxy {
		pod.Revision = injectedRevision(p.Annotations)
	}
	if pod.addFailures(p.Status.InitContainerStatuses); len(pod.Failures) > 0 {
		pod.UID = string(p.UID)
	}
	pod.share()
	return pod
}

// share keeps one copy of what many pods have in common, so that those of a large
// cluster fit into little memory.
func (pod *Pod) share() {
	common := []*string{&pod.Namespace, &pod.Node, &pod.Revision, &pod.Template, &pod.Workload.Namespace, &pod.Workload.Kind, &pod.Workload.Name}
	if r := pod.Redirect; r != nil {
		common = append(common, &r.Name, &r.Capabilities, &r.SecurityContext)
	}
	for _, text := range common {
		*text = unique.Make(*text).Value()
	}
}

func (pod *Pod) addContainers(spec *corev1.PodSpec) {
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		switch c.Name {
		case InitContainer, ValidationContainer:
			pod.addRedirect(c)
		case ProxyContainer:
			pod.NativeSidecar = c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
		}
		if pod.addContainer(c) && runsAsProxy(spec, c) {
			pod.InitAsProxyUser = append(pod.InitAsProxyUser, c.Name)
		}
	}
	for i := range spec.Containers {
		c := &spec.Containers[i]
		if pod.addContainer(c) && runsAsProxy(spec, c) {
			pod.AsProxyUser = append(pod.AsProxyUser, c.Name)
		}
	}
}

// addContainer notes what matters of any container and reports whether it is the
// application's own.
func (pod *Pod) addContainer(c *corev1.Container) (applications bool) {
	pod.addPrivileges(c)
	switch c.Name {
	case ProxyContainer:
		pod.HasProxy = true
		if c.SecurityContext != nil {
			pod.ProxyUser = c.SecurityContext.RunAsUser
		}
		return false
	case InitContainer, ValidationContainer:
		return false
	}
	return true
}

func runsAsProxy(spec *corev1.PodSpec, c *corev1.Container) bool {
	user := userOf(spec, c)
	return user != nil && *user == ProxyUID
}

// userOf is the uid that a container's specification asks for, nil if it leaves
// that to the image.
func userOf(spec *corev1.PodSpec, c *corev1.Container) *int64 {
	if c.SecurityContext != nil && c.SecurityContext.RunAsUser != nil {
		return c.SecurityContext.RunAsUser
	}
	if spec.SecurityContext != nil {
		return spec.SecurityContext.RunAsUser
	}
	return nil
}

// addMisplaced compares the order of the init containers with the injector's:
// istio-validation comes first; istio-init comes first before a native sidecar
// and last otherwise.
func (pod *Pod) addMisplaced(spec *corev1.PodSpec) {
	if pod.Redirect == nil {
		return
	}
	at := slices.IndexFunc(spec.InitContainers, func(c corev1.Container) bool { return c.Name == pod.Redirect.Name })
	wrong := spec.InitContainers[:at]
	if pod.Redirect.Name == InitContainer && !pod.NativeSidecar {
		wrong = spec.InitContainers[at+1:]
	}
	for i := range wrong {
		if name := wrong[i].Name; name != InitContainer && name != ValidationContainer {
			pod.Misplaced = append(pod.Misplaced, name)
		}
	}
}

func (pod *Pod) addFailures(statuses []corev1.ContainerStatus) {
	for i := range statuses {
		if failure := failureOf(&statuses[i]); failure != nil {
			pod.Failures = append(pod.Failures, *failure)
		}
	}
}

// failureOf reads a container's latest end, which events outlive no longer than
// an hour.
func failureOf(c *corev1.ContainerStatus) *Failure {
	end := c.State.Terminated
	if end == nil {
		end = c.LastTerminationState.Terminated
	}
	// A container that runs and is ready has recovered.
	if end == nil || end.ExitCode == 0 || c.State.Running != nil && c.Ready {
		return nil
	}
	failure := &Failure{Container: c.Name, ExitCode: end.ExitCode, Finished: end.FinishedAt.Time, Restarts: c.RestartCount}
	if c.State.Waiting != nil {
		failure.Waiting = c.State.Waiting.Reason
	}
	return failure
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
		pod.Redirect.SecurityContext = compactJSON(sc)
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
	return compactJSON(c)
}

// compactJSON is for the API's own types, which always marshal.
func compactJSON(v any) string {
	text, _ := json.Marshal(v)
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

package mesh

// Names that AKS gives to the parts of its Istio add-on, as seen on clusters and
// in Microsoft's documentation (learn.microsoft.com/azure/aks/istio-cni).
const (
	// SystemNamespace is where the add-on's control plane and node agent live.
	SystemNamespace = "aks-istio-system"
	// AgentDaemonSet is the node agent.
	AgentDaemonSet = "azure-service-mesh-istio-cni-addon-node"
	// AgentContainer is the container of its pods.
	AgentContainer = "install-cni"
	// AgentTaintPrefix is what the keys of taints begin with that keep pods off a
	// node until its agent is ready.
	AgentTaintPrefix = "cni.istio.io/"
	// AgentSelector selects the node agent's pods.
	AgentSelector = "k8s-app=" + AgentDaemonSet
	// InjectorConfigMapPrefix and a revision name the ConfigMap that tells what
	// the revision's injector does.
	InjectorConfigMapPrefix = "istio-sidecar-injector-"
)

// Containers that Istio's injector adds to a pod.
const (
	InitContainer       = "istio-init"
	ValidationContainer = "istio-validation"
	ProxyContainer      = "istio-proxy"
	// ProxyUID is the user that istio-proxy runs as, whose traffic is therefore
	// left alone.
	ProxyUID = 1337
	// ValidationFailed is istio-validation's exit code when the pod's traffic is
	// not redirected; other faults make it 1.
	ValidationFailed = 126
)

// Labels and annotations of Istio.
const (
	RevisionLabel        = "istio.io/rev"
	TagLabel             = "istio.io/tag"
	LegacyInjectionLabel = "istio-injection"
	InjectLabel          = "sidecar.istio.io/inject"
	StatusAnnotation     = "sidecar.istio.io/status"
	InterceptionModeKey  = "sidecar.istio.io/interceptionMode"
)

// IsSystemNamespace reports whether a namespace belongs to Kubernetes or to the
// add-on. Istio never injects into Kubernetes' own namespaces, and the add-on's
// pods are not workloads of the mesh.
func IsSystemNamespace(name string) bool {
	switch name {
	case "kube-system", "kube-public", "kube-node-lease", SystemNamespace, "aks-istio-ingress", "aks-istio-egress":
		return true
	}
	return false
}

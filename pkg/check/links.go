package check

// Pages that rules link to.
const (
	linkCNI             = "https://learn.microsoft.com/azure/aks/istio-cni"
	linkDeploy          = "https://learn.microsoft.com/azure/aks/istio-deploy-addon"
	linkUpgrade         = "https://learn.microsoft.com/azure/aks/istio-upgrade"
	linkNativeSidecar   = "https://learn.microsoft.com/azure/aks/istio-native-sidecar"
	linkSafeguards      = "https://learn.microsoft.com/azure/aks/deployment-safeguards"
	linkTroubleshootCNI = "https://learn.microsoft.com/troubleshoot/azure/azure-kubernetes/extensions/istio-add-on-cni-troubleshooting"
	linkTroubleshoot    = "https://learn.microsoft.com/troubleshoot/azure/azure-kubernetes/extensions/istio-add-on-general-troubleshooting"
	linkMinorUpgrade    = "https://learn.microsoft.com/troubleshoot/azure/azure-kubernetes/extensions/istio-add-on-minor-revision-upgrade"
	linkIstioCNI        = "https://istio.io/latest/docs/setup/additional-setup/cni"
	linkIstioCNIOps     = "https://istio.io/latest/docs/ops/diagnostic-tools/cni"
)

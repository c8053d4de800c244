package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// SwitchStep is what is to be done about the redirection mechanism in Azure.
type SwitchStep string

// The steps. After a wait the plan is made again from what is read then.
const (
	StepNothing  SwitchStep = "nothing"
	StepWait     SwitchStep = "wait"
	StepRegister SwitchStep = "register the feature"
	StepWrite    SwitchStep = "write"
)

// Switch is a plan to change the redirection mechanism.
type Switch struct {
	Target  mesh.Mechanism
	Step    SwitchStep
	Notices Notices
	// LeftBehind are the pods that keep the other mechanism's redirect container
	// until they are restarted.
	LeftBehind []*mesh.Pod
}

// SwitchOptions are a person's wishes about a switch.
type SwitchOptions struct {
	// Reconcile writes even if Azure already says what is wanted, which makes it
	// put the node agent right.
	Reconcile bool
	// RegisterFeature allows registering the preview feature flag.
	RegisterFeature bool
}

// SwitchTo plans the change of the mechanism to target. The cluster's Azure
// resource must have been read.
func SwitchTo(target mesh.Mechanism, s *snapshot.Snapshot, options SwitchOptions) Switch {
	plan := Switch{Target: target, Step: StepWrite, LeftBehind: leftBehind(target, s)}
	cluster := s.Cluster.Value
	var identity Notices
	identity.checkIdentity(s)
	plan.Notices.checkCluster(cluster)
	if target == mesh.CNIChaining {
		plan.Notices.checkRevisions(cluster.Revisions)
		plan.Notices.checkNodes(s)
		plan.Notices.checkInterception(s)
	} else {
		plan.Notices.checkAutomatic(cluster)
	}
	plan.Notices.checkPodsRead(s)
	switch {
	case cluster.InTransition():
		plan.Step = StepWait
	case cluster.Mechanism == target && !options.Reconcile && !unfulfilled(target, s):
		plan.Step = StepNothing
		// What forbids a change does not matter where there is none to make, but
		// which cluster is spoken of always does.
		plan.Notices = plan.Notices.Warnings()
	case target == mesh.CNIChaining && plan.Notices.checkFeature(s, options):
		plan.Step = StepRegister
	}
	plan.Notices = append(identity, plan.Notices...)
	return plan
}

// unfulfilled reports whether Azure noted the mechanism as wanted, but failed to
// bring it about.
func unfulfilled(target mesh.Mechanism, s *snapshot.Snapshot) bool {
	if !failed(s.Cluster.Value) {
		return false
	}
	agentMissing := target == mesh.CNIChaining && s.Agent.State == snapshot.Absent
	agentLeft := target == mesh.InitContainers && s.Agent.State == snapshot.Read
	behind := slices.ContainsFunc(slices.Collect(maps.Values(s.InjectorMechanisms.Value)), func(m mesh.Mechanism) bool { return m != target })
	return agentMissing || agentLeft || behind
}

// failed reports whether the last operation on a cluster ended other than well.
func failed(c snapshot.Cluster) bool {
	return strings.EqualFold(c.ProvisioningState, "Failed") || strings.EqualFold(c.ProvisioningState, "Canceled")
}

func (n *Notices) checkIdentity(s *snapshot.Snapshot) {
	identity := s.Identity.Value
	if identity.Proof != "" {
		return
	}
	text := fmt.Sprintf("nothing proves that %s is the cluster of kube context %s: no node could be read, and the API server has another name", identity.Name, s.Context.Name)
	if identity.Named {
		n.warn(text+"; it is taken for it because it was named", "")
	} else {
		n.block(text, "name the cluster with --cluster-id, or ask for the permission to list nodes")
	}
}

func (n *Notices) checkCluster(c snapshot.Cluster) {
	if !c.KnowsMechanism {
		n.block("no api-version offered here knows the redirection mechanism (newest: "+c.APIVersion+")", "choose one with --api-version, or wait until the cloud offers 2026-01-01 or later")
	}
	if strings.EqualFold(c.PowerState, "Stopped") {
		n.block("the cluster is stopped", "start it: `az aks start`")
	}
	if known := []mesh.Mechanism{mesh.Unknown, mesh.InitContainers, mesh.CNIChaining}; !slices.Contains(known, c.Mechanism) {
		n.block(fmt.Sprintf("Azure reports the mechanism %s, which this version of the plugin does not know", c.Mechanism), "use a newer version")
	}
	if c.MeshMode != "Istio" {
		mode := c.MeshMode
		if mode == "" {
			mode = "absent"
		}
		n.block("the Istio add-on is not enabled on the cluster (mesh mode: "+mode+")", "enable it: `az aks mesh enable`")
	}
	if failed(c) {
		n.warn("the last operation on the cluster ended "+c.ProvisioningState, "this change makes Azure try again to bring the cluster to its wanted state")
	}
	if len(c.Revisions) > 1 {
		n.warn("an upgrade of the mesh is in progress ("+strings.Join(c.Revisions, " and ")+"); the change concerns both revisions", "")
	}
}

func (n *Notices) checkRevisions(revisions []string) {
	for _, name := range revisions {
		revision, err := mesh.ParseRevision(name)
		switch {
		case err != nil:
			n.warn(err.Error(), "")
		case !revision.SupportsCNI():
			n.block(fmt.Sprintf("revision %s does not support CNIChaining; it needs %s or later", name, mesh.MinimumCNIRevision()),
				"upgrade the mesh: `az aks mesh upgrade start`, see `kubectl istio-cni revisions`")
		}
	}
}

// checkNodes looks for node images that CNIChaining was documented not to work
// on while it was a preview.
func (n *Notices) checkNodes(s *snapshot.Snapshot) {
	var old, windows []string
	for _, node := range s.Nodes.Value {
		if node.OS == "windows" {
			windows = append(windows, node.Name)
		}
		if strings.HasPrefix(node.OSImage, "Ubuntu 20.04") {
			old = append(old, "node "+node.Name)
		}
	}
	if len(old) == 0 {
		for _, pool := range s.Cluster.Value.Pools {
			if strings.Contains(pool.NodeImageVersion, "2004") {
				old = append(old, "pool "+pool.Name)
			}
		}
	}
	if len(old) > 0 {
		text := "Ubuntu 20.04 was documented as incompatible with CNIChaining: " + List(old, mostNamed)
		remedy := "move the pool to Ubuntu 22.04 or later, or to Azure Linux"
		if strings.HasSuffix(s.Cluster.Value.APIVersion, "-preview") {
			n.block(text, remedy)
		} else {
			n.warn(text, remedy)
		}
	}
	if len(windows) > 0 {
		n.warn("Windows nodes take no part in the mesh: "+List(windows, mostNamed), "")
	}
	if !s.Nodes.Known() {
		n.warn("node operating systems were not checked: "+s.Nodes.Why(), "")
	}
}

func (n *Notices) checkInterception(s *snapshot.Snapshot) {
	var tproxy []string
	for _, pod := range s.Pods.Value {
		if pod.InterceptionMode == "TPROXY" {
			tproxy = append(tproxy, pod.Namespace+"/"+pod.Name)
		}
	}
	if len(tproxy) > 0 {
		n.warn("pods with interception mode TPROXY keep NET_ADMIN in istio-proxy: "+List(tproxy, mostNamed), "use interception mode REDIRECT")
	}
}

// checkPodsRead says so if pods that the change concerns may be hidden.
func (n *Notices) checkPodsRead(s *snapshot.Snapshot) {
	if s.Pods.State != snapshot.NotAsked && !s.Pods.Whole() {
		n.warn("not all pods that the change concerns are known: "+s.Pods.Why(), "")
	}
}

func (n *Notices) checkAutomatic(c snapshot.Cluster) {
	if strings.EqualFold(c.SKU, "Automatic") {
		n.warn("this is an AKS Automatic cluster: its deployment safeguards reject istio-init, so new pods of the mesh will not start", "stay with CNIChaining")
	}
}

// checkFeature reports whether the preview feature flag is to be registered
// first.
func (n *Notices) checkFeature(s *snapshot.Snapshot, options SwitchOptions) bool {
	switch {
	case s.Feature.State == snapshot.NotAsked || s.Feature.Value == "Registered":
		return false
	case s.Feature.State != snapshot.Read:
		n.warn("the state of the preview feature is not known: "+s.Feature.Why(), "")
		return false
	case options.RegisterFeature:
		return true
	}
	n.block(fmt.Sprintf("this cloud offers CNIChaining as a preview only (api-version %s), and its feature flag is %s", s.Cluster.Value.APIVersion, s.Feature.Value),
		"run again with --register-feature, or `kubectl istio-cni feature register`")
	return false
}

func leftBehind(target mesh.Mechanism, s *snapshot.Snapshot) []*mesh.Pod {
	return slices.DeleteFunc(slices.Clone(s.Pods.Value), func(p *mesh.Pod) bool {
		return p.Redirect == nil || p.Redirect.Name == target.RedirectContainer()
	})
}

// mostNamed is how many objects a notice names.
const mostNamed = 3

// List names the first of many.
func List(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

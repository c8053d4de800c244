package check

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/version"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func nodeRules() []*Rule {
	return []*Rule{
		kubeconfigMissing(), tokenStale(), pluginMissing(), podsStuckTerminating(), rulesFail(),
		oldNodeOS(), taintStuck(), nativeSidecarsMixed(),
	}
}

// poolOf reads the pool's name from a node's, "" where nodes are named otherwise.
func poolOf(node string) string {
	parts := regexp.MustCompile(`^aks-([a-z0-9]+)-[0-9]+-vms`).FindStringSubmatch(node)
	if parts == nil {
		return ""
	}
	return parts[1]
}

func upgradeImage(f *Facts, node string) Step {
	return Step{"Upgrade the pool to the newest node image", inPool(f, "upgrade", node) + " --node-image-only"}
}

const orNewPool = "Or add a pool of another OS, and drain the old one"

func newPool(f *Facts, text string) Step {
	id := f.Identity.Value
	return Step{
		text,
		fmt.Sprintf("az aks nodepool add --resource-group %s --cluster-name %s --name NEWPOOL --os-sku AzureLinux", cmp.Or(id.ResourceGroup, "RESOURCE-GROUP"), cmp.Or(id.Name, "CLUSTER")),
	}
}

func oldNodeOS() *Rule {
	return &Rule{
		ID: "ICNI306", Title: "nodes run Ubuntu 20.04", Area: AreaNodes, Severity: Medium, Pre: true,
		Needs:   []Need{{PartNodes, PartCluster}},
		Symptom: "Pods of the mesh may fail to start on some pools under CNIChaining.",
		Detection: "A node's OS image, or else the image of the node or its pool, is Ubuntu 20.04. " +
			"It is High if the mechanism is CNIChaining, or if Azure offers it with a preview api-version only.",
		Cause:  "Ubuntu 20.04 was documented as incompatible with CNIChaining while that was a preview; today it comes from FIPS and confidential VM images",
		Remedy: "Move the pool to Ubuntu 22.04 or later, or to Azure Linux, before enabling CNIChaining.",
		Links:  []string{linkCNI, linkTroubleshootCNI},
		look: func(f *Facts, r *Report) {
			severity := Medium
			if f.Mechanism() == mesh.CNIChaining || strings.HasSuffix(f.Cluster.Value.APIVersion, "-preview") {
				severity = High
			}
			for _, group := range oldPools(f) {
				finding := Finding{Severity: severity, Evidence: []string{group.evidence}, Remedy: []Step{{group.upgrade, group.command}, newPool(f, orNewPool)}}
				for _, name := range group.nodes {
					finding.Objects = append(finding.Objects, NodeObject(name))
				}
				if group.pool != "" {
					finding.Objects = append(finding.Objects, Object{Kind: "NodePool", Name: group.pool})
				}
				r.Add(finding)
			}
		},
	}
}

// oldPool is a pool of old nodes, or old nodes of no known pool.
type oldPool struct {
	pool, evidence, upgrade, command string
	nodes                            []string
}

// oldPools looks at the nodes, and for pools without a node at what Azure says of
// them.
func oldPools(f *Facts) []oldPool {
	byPool := map[string][]snapshot.Node{}
	populated := map[string]bool{}
	for _, node := range f.linuxNodes {
		pool := poolOf(node.Name)
		populated[pool] = true
		if isOldNode(&node) {
			byPool[pool] = append(byPool[pool], node)
		}
	}
	for _, pool := range f.Cluster.Value.Pools {
		if !populated[pool.Name] && isOldImage(pool.NodeImageVersion) {
			byPool[pool.Name] = nil
		}
	}
	var pools []oldPool
	for pool, nodes := range byPool {
		pools = append(pools, oldPoolOf(f, pool, nodes))
	}
	slices.SortFunc(pools, func(a, b oldPool) int { return strings.Compare(a.pool, b.pool) })
	return pools
}

func oldPoolOf(f *Facts, pool string, nodes []snapshot.Node) oldPool {
	old := oldPool{pool: pool}
	for _, node := range nodes {
		old.nodes = append(old.nodes, node.Name)
	}
	if len(nodes) == 0 {
		i := slices.IndexFunc(f.Cluster.Value.Pools, func(p snapshot.Pool) bool { return p.Name == pool })
		old.evidence = "pool " + pool + " has the node image " + f.Cluster.Value.Pools[i].NodeImageVersion
	} else {
		old.evidence = fmt.Sprintf("%s on %s, image %s", cmp.Or(nodes[0].OSImage, "Ubuntu 20.04"), someOf(old.nodes), cmp.Or(nodes[0].NodeImage, "not known"))
	}
	step := upgradeImage(f, "aks-"+pool+"-0-vmss000000")
	old.upgrade, old.command = step.Text, step.Command
	return old
}

// isOldNode believes the node's own word before its image's name.
func isOldNode(node *snapshot.Node) bool {
	if strings.HasPrefix(node.OSImage, "Ubuntu ") {
		return strings.HasPrefix(node.OSImage, "Ubuntu 20.04")
	}
	return node.OSImage == "" && isOldImage(node.NodeImage)
}

// isOldImage reads an image such as AKSUbuntu-2004cvmcontainerd-202604.13.0, whose
// end is a date and not the OS.
func isOldImage(image string) bool {
	os := image[:max(0, strings.LastIndex(image, "-"))]
	return strings.Contains(os, "Ubuntu") && strings.Contains(os, "2004")
}

// untainted is how long an agent may be ready before its node's startup taint
// should be gone.
const untainted = 5 * time.Minute

func taintStuck() *Rule {
	return &Rule{
		ID: "ICNI307", Title: "a startup taint stays on a node", Area: AreaNodes, Severity: High,
		Needs:     []Need{{PartNodes}, {PartAgentPods}},
		Symptom:   "No pod is scheduled on a node whose agent is ready.",
		Detection: "A node has a taint whose key begins with " + mesh.AgentTaintPrefix + ", and its agent has been ready for more than five minutes.",
		Cause:     "nothing removes the startup taint: the add-on does not, and a taint that the node pool sets is meant to stay",
		Remedy:    "Remove the taint. If the node pool sets it, remove it there as well, or every new node will have it.",
		Links:     []string{linkIstioCNI, linkTroubleshootCNI},
		look: func(f *Facts, r *Report) {
			for i := range f.linuxNodes {
				node := &f.linuxNodes[i]
				agent := f.AgentOn(node.Name)
				if agent == nil || !agent.Ready || agent.ReadySince.IsZero() || f.Taken.Sub(agent.ReadySince) <= untainted {
					continue
				}
				for _, taint := range node.Taints {
					if strings.HasPrefix(taint.Key, mesh.AgentTaintPrefix) {
						r.Add(taintFinding(f, node, agent, taint))
					}
				}
			}
		},
	}
}

func taintFinding(f *Facts, node *snapshot.Node, agent *snapshot.AgentPod, taint snapshot.Taint) Finding {
	return Finding{
		Objects: []Object{NodeObject(node.Name), AgentPodObject(agent.Name)},
		Evidence: []string{
			"node " + node.Name + " has the taint " + taint.String(),
			"the node agent's pod " + agent.Name + " on the node has been ready for " + timeSince(f, agent.ReadySince),
		},
		Remedy: []Step{
			{"Remove the taint", removeTaint(node.Name, taint)},
			{"See whether the node pool sets it for every new node", inPool(f, "show", node.Name) + " --query nodeTaints"},
		},
	}
}

func nativeSidecarsMixed() *Rule {
	return &Rule{
		ID: "ICNI308", Title: "some nodes are too old for native sidecars", Area: AreaNodes, Severity: Medium, Pre: true,
		Needs: []Need{{PartNodes}, {PartKubernetes, PartCluster}, {PartCluster, PartIstiods}},
		Symptom: "Pods get istio-proxy as an ordinary container although the mesh and the control plane know native sidecars. " +
			"Under CNIChaining an application's own init containers then have no network.",
		Detection: "A revision of the mesh is asm-1-27 or later and the control plane runs Kubernetes 1.33 or later, but a Linux node's kubelet is older. " +
			"Control planes that use native sidecars all the same, clusters on which an operation is running, and control planes older than 1.33 are left alone.",
		Cause:  "native sidecars stay off until every node runs Kubernetes 1.33 or later",
		Remedy: "Upgrade the pools that are behind, and restart the workloads.",
		Links:  []string{linkNativeSidecar, linkCNI},
		look: func(f *Facts, r *Report) {
			server := cmp.Or(f.KubernetesVersion.Value, f.Cluster.Value.KubernetesVersion)
			behind := nodesBehind(f)
			if !knowsNativeSidecars(f) || olderThanNative(server) || len(behind) == 0 || f.Cluster.Value.InTransition() {
				return
			}
			finding := Finding{Evidence: []string{"the control plane runs Kubernetes " + server}}
			pools := map[string]bool{}
			for _, node := range behind {
				finding.Objects = append(finding.Objects, NodeObject(node.Name))
				if len(finding.Objects) <= mostExamples {
					finding.Evidence = append(finding.Evidence, "the kubelet of node "+node.Name+" is "+node.KubeletVersion)
				}
				if pool := poolOf(node.Name); !pools[pool] {
					pools[pool] = true
					finding.Remedy = append(finding.Remedy, Step{"Upgrade the pool", inPool(f, "upgrade", node.Name) + " --kubernetes-version " + strings.TrimPrefix(server, "v")})
				}
			}
			if more := len(behind) - mostExamples; more > 0 {
				finding.Evidence = append(finding.Evidence, fmt.Sprintf("%d more nodes are older than 1.33", more))
			}
			finding.Remedy = append(finding.Remedy, Step{"Restart the workloads when all pools are upgraded", "kubectl istio-cni restart -A --all"})
			r.Add(finding)
		},
	}
}

func nodesBehind(f *Facts) []snapshot.Node {
	return slices.DeleteFunc(slices.Clone(f.linuxNodes), func(node snapshot.Node) bool { return !olderThanNative(node.KubeletVersion) })
}

// olderThanNative reports whether a Kubernetes version is too old for the add-on's
// native sidecars. A version that cannot be read is not called old.
func olderThanNative(name string) bool {
	parsed, err := version.ParseGeneric(name)
	return err == nil && parsed.LessThan(version.MajorMinor(1, 33))
}

// knowsNativeSidecars reports whether a revision of the mesh would use native
// sidecars and does not yet.
func knowsNativeSidecars(f *Facts) bool {
	for _, istiod := range f.Istiods.Value {
		if istiod.NativeSidecars == "true" {
			return false
		}
	}
	return slices.ContainsFunc(revisionsInUse(f), func(name string) bool {
		revision, err := mesh.ParseRevision(name)
		return err == nil && revision.Compare(mesh.Revision{Major: 1, Minor: 27}) >= 0
	})
}

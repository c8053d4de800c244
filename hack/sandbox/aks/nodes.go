package aks

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// firstAddress is the last byte of the first node's address.
const firstAddress = 4

// location says where in Azure the nodes are.
type location struct {
	subscription, nodeResourceGroup, region string
}

// nodes makes the nodes of the pools, as their kubelets would register them.
func nodes(pools []Pool, at location, version string) []*corev1.Node {
	var all []*corev1.Node
	for _, pool := range pools {
		for i := range pool.Count {
			all = append(all, node(pool, i, len(all), at, version))
		}
	}
	return all
}

func node(pool Pool, i, n int, at location, version string) *corev1.Node {
	name := fmt.Sprintf("%s%06d", pool.scaleSet(), i)
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Labels:      nodeLabels(pool, name, n, at),
			Annotations: map[string]string{fakeNode: "fake"},
		},
		Spec: corev1.NodeSpec{
			ProviderID: fmt.Sprintf("azure:///subscriptions/%s/resourceGroups/%s/providers/Microsoft.Compute/virtualMachineScaleSets/%s/virtualMachines/%d",
				at.subscription, strings.ToLower(at.nodeResourceGroup), pool.scaleSet(), i),
			PodCIDR:  podCIDR(n),
			PodCIDRs: []string{podCIDR(n)},
			Taints:   poolTaints(pool),
		},
		Status: nodeStatus(pool, name, n, version),
	}
}

func podCIDR(n int) string { return fmt.Sprintf("10.%d.%d.0/24", 244+n/256, n%256) }

// poolTaints keep pods that do not ask for it off Windows, as its users do.
func poolTaints(pool Pool) []corev1.Taint {
	if pool.OS != "Windows" {
		return nil
	}
	return []corev1.Taint{{Key: "os", Value: "windows", Effect: corev1.TaintEffectNoSchedule}}
}

func nodeLabels(pool Pool, name string, n int, at location) map[string]string {
	zone := fmt.Sprintf("%s-%d", at.region, n%3+1)
	const machine = "Standard_D16s_v5"
	return map[string]string{
		"agentpool":                                               pool.Name,
		"beta.kubernetes.io/arch":                                 "amd64",
		"beta.kubernetes.io/instance-type":                        machine,
		"beta.kubernetes.io/os":                                   pool.os(),
		"failure-domain.beta.kubernetes.io/region":                at.region,
		"failure-domain.beta.kubernetes.io/zone":                  zone,
		"kubernetes.azure.com/agentpool":                          pool.Name,
		"kubernetes.azure.com/cluster":                            at.nodeResourceGroup,
		"kubernetes.azure.com/consolidated-additional-properties": "6a0b3b0e-1f43-11f1-8d4e-1a2b3c4d5e6f",
		"kubernetes.azure.com/kubelet-identity-client-id":         "2f5a7f9e-3c1b-4c55-9a57-6d0f3d6c7b11",
		"kubernetes.azure.com/mode":                               strings.ToLower(pool.Mode),
		"kubernetes.azure.com/node-image-version":                 pool.NodeImageVersion,
		"kubernetes.azure.com/nodepool-type":                      "VirtualMachineScaleSets",
		"kubernetes.azure.com/os-sku":                             pool.OSSKU,
		"kubernetes.azure.com/role":                               "agent",
		"kubernetes.azure.com/storageprofile":                     "managed",
		"kubernetes.azure.com/storagetier":                        "Premium_LRS",
		"kubernetes.io/arch":                                      "amd64",
		"kubernetes.io/hostname":                                  name,
		"kubernetes.io/os":                                        pool.os(),
		"node.kubernetes.io/instance-type":                        machine,
		"topology.disk.csi.azure.com/zone":                        zone,
		"topology.kubernetes.io/region":                           at.region,
		"topology.kubernetes.io/zone":                             zone,
	}
}

func nodeStatus(pool Pool, name string, n int, version string) corev1.NodeStatus {
	room := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("16"),
		corev1.ResourceMemory:           resource.MustParse("64Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("128Gi"),
		corev1.ResourcePods:             resource.MustParse("250"),
	}
	return corev1.NodeStatus{
		// Deprecated in the API, and what kwok knows a started node by.
		Phase:       corev1.NodeRunning,
		Capacity:    room,
		Allocatable: room,
		Conditions:  nodeConditions(),
		// From the addresses that are reserved for documentation (RFC 5737).
		Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("203.0.113.%d", (firstAddress+n)%256)},
			{Type: corev1.NodeHostName, Address: name},
		},
		NodeInfo: nodeInfo(pool, n, version),
	}
}

func nodeInfo(pool Pool, n int, version string) corev1.NodeSystemInfo {
	info := corev1.NodeSystemInfo{
		Architecture: "amd64", OperatingSystem: pool.os(), OSImage: pool.OSImage,
		KernelVersion: "5.15.0-1102-azure", ContainerRuntimeVersion: "containerd://2.0.6-1",
		KubeletVersion: "v" + version,
		MachineID:      fmt.Sprintf("a5c10f7e%024x", n),
		SystemUUID:     fmt.Sprintf("3b1f6f4e-92d5-4a9d-8c1e-%012x", n),
		BootID:         fmt.Sprintf("f3a8a1c2-0d6b-4f53-b8e9-%012x", n),
	}
	if pool.OS == "Windows" {
		info.KernelVersion = "10.0.20348.3207"
	}
	return info
}

func nodeConditions() []corev1.NodeCondition {
	now := metav1.Now()
	condition := func(kind corev1.NodeConditionType, status corev1.ConditionStatus, reason, message string) corev1.NodeCondition {
		return corev1.NodeCondition{Type: kind, Status: status, Reason: reason, Message: message, LastHeartbeatTime: now, LastTransitionTime: now}
	}
	return []corev1.NodeCondition{
		condition(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
		condition(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
		condition(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
		condition(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady", "kubelet is posting ready status"),
	}
}

func createNodes(ctx context.Context, client kubernetes.Interface, all []*corev1.Node) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(applyWorkers)
	for _, n := range all {
		g.Go(func() error {
			if _, err := client.CoreV1().Nodes().Create(ctx, n, metav1.CreateOptions{}); err != nil {
				return fmt.Errorf("register node %s: %w", n.Name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

package aks

import "strings"

// Pool is an agent pool and its nodes.
type Pool struct {
	// Name of the pool, at most 12 lower-case letters and digits, 6 for Windows.
	Name string
	// Mode is System or User.
	Mode string
	// OS is Linux or Windows.
	OS string
	// OSSKU such as Ubuntu, AzureLinux or Windows2022.
	OSSKU string
	// NodeImageVersion such as AKSUbuntu-2204gen2containerd-202604.13.0.
	NodeImageVersion string
	// OSImage is what a node says of its system, such as Ubuntu 22.04.5 LTS.
	OSImage string
	Count   int
}

// SystemPool is the Ubuntu 22.04 pool that every cluster has.
func SystemPool(count int) Pool {
	return Pool{"nodepool1", "System", "Linux", "Ubuntu", "AKSUbuntu-2204gen2containerd-202604.13.0", "Ubuntu 22.04.5 LTS", count}
}

// Ubuntu2004Pool is a pool whose nodes are too old for the node agent's preview.
func Ubuntu2004Pool() Pool {
	return Pool{"legacy", "User", "Linux", "Ubuntu", "AKSUbuntu-2004cvmcontainerd-202604.13.0", "Ubuntu 20.04.6 LTS", 1}
}

// WindowsPool is a pool that the mesh does not reach.
func WindowsPool() Pool {
	return Pool{"win", "User", "Windows", "Windows2022", "AKSWindows-2022-containerd-20348.3207.250210", "Windows Server 2022 Datacenter", 1}
}

// scaleSet is the name of the virtual machine scale set that the pool's nodes
// belong to.
func (p Pool) scaleSet() string {
	if p.OS == "Windows" {
		return "aks" + p.Name
	}
	return "aks-" + p.Name + "-12345678-vmss"
}

// os is the value of the label kubernetes.io/os.
func (p Pool) os() string { return strings.ToLower(p.OS) }

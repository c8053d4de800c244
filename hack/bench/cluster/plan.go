package cluster

import "fmt"

// How a large cluster is made up.
const (
	namespaces  = 100
	podsPerNode = 50
	replicas    = 3
	// Every so many namespaces, one is not in the mesh.
	outside = 10
	// Every so many workloads of the mesh, one has not been restarted since its
	// namespace came into it.
	uninjected = 20
)

// variant is a way in which pods are injected.
type variant struct {
	name string
	// cni, classic: see README.
	cni, classic bool
	// inMesh is whether Istio injects at all.
	inMesh bool
	// share is how many of a hundred workloads of the mesh are like that.
	share int
}

func variants() []variant {
	return []variant{
		{name: "native-cni", cni: true, inMesh: true, share: 55},
		{name: "classic-cni", cni: true, classic: true, inMesh: true, share: 20},
		{name: "native-init", inMesh: true, share: 15},
		{name: "classic-init", classic: true, inMesh: true, share: 10},
		{name: "plain"},
	}
}

func (v variant) namespace() string { return exampleNamespace + "-" + v.name }

// namespaceName is the name of a namespace, and whether it is in the mesh.
func namespaceName(i int) (name string, inMesh bool) {
	return fmt.Sprintf("team-%03d", i), i%outside != outside-1
}

// variantOf chooses the variant of a workload.
func variantOf(workload int, inMesh bool) variant {
	all := variants()
	plain := all[len(all)-1]
	if round := workload / namespaces; !inMesh || round%uninjected == uninjected-1 {
		return plain
	}
	// A step that has no divisor in common with 100 mixes them.
	n := workload * 37 % 100
	for _, v := range all {
		if n < v.share {
			return v
		}
		n -= v.share
	}
	return plain
}

// workloadPlace is what a workload and its pods have in common.
func workloadPlace(workload int) (at place, inMesh bool) {
	at.namespace, inMesh = namespaceName(workload % namespaces)
	at.workload = fmt.Sprintf("%s-%04d", kinds()[workload%len(kinds())], workload)
	at.hash = generated(at.workload, 10)
	return at, inMesh
}

// kinds are what workloads of a shop do.
func kinds() []string {
	return []string{"catalog", "orders", "payments", "shipping", "frontend", "search", "reviews"}
}

// podPlace is where one pod of a workload is.
func (p place) podPlace(n int, nodes []string) place {
	p.suffix = generated(fmt.Sprint(p.workload, n), 5)
	p.node = nodes[n%len(nodes)]
	p.ip = fmt.Sprintf("10.%d.%d.%d", 128+n>>16&0x3f, n>>8&0xff, n&0xff)
	return p
}

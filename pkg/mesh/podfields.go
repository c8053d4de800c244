package mesh

import "github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/wire"

// PodFields are the fields of a pod that [PodFrom] looks at, by their numbers in
// k8s.io/api/core/v1/generated.proto and apimachinery's meta/v1.
func PodFields() wire.Fields {
	whole := wire.Whole()
	metadata := wire.Fields{
		1:  whole, // name
		3:  whole, // namespace
		5:  whole, // uid
		8:  whole, // creationTimestamp
		9:  whole, // deletionTimestamp
		11: whole, // labels
		12: whole, // annotations
		13: whole, // ownerReferences
	}
	container := wire.Fields{
		1:  whole, // name
		15: whole, // securityContext
	}
	initContainer := wire.Fields{
		1:  whole, // name
		15: whole, // securityContext
		24: whole, // restartPolicy
	}
	spec := wire.Fields{
		2:  container,     // containers
		3:  whole,         // restartPolicy
		7:  whole,         // nodeSelector
		10: whole,         // nodeName
		11: whole,         // hostNetwork
		14: whole,         // securityContext
		20: initContainer, // initContainers
		36: whole,         // os
	}
	containerStatus := wire.Fields{
		1: whole, // name
		2: whole, // state
		3: whole, // lastState
		4: whole, // ready
		5: whole, // restartCount
	}
	status := wire.Fields{
		1:  whole,           // phase
		7:  whole,           // startTime
		10: containerStatus, // initContainerStatuses
	}
	return wire.Fields{1: metadata, 2: spec, 3: status}
}

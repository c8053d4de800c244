package aks

import (
	_ "embed"
	"fmt"
	"time"

	"sigs.k8s.io/yaml"
)

// HoldAnnotation on a pod or node keeps the simulated kubelet away from it, so
// that a test can give it whatever status it wants.
const HoldAnnotation = "sandbox.kubectl-istio-cni/hold"

// fakeNode is the annotation of the nodes that kwok plays the kubelet of.
const fakeNode = "kwok.x-k8s.io/node"

// Templates of kwok's for the status of a pod.
var (
	//go:embed running.yaml.tmpl
	runningTemplate string
	//go:embed completed.yaml.tmpl
	completedTemplate string
)

const heartbeatTemplate = `{{ $now := Now }}
conditions:
{{ range .status.conditions }}
- {type: {{ .type | Quote }}, lastHeartbeatTime: {{ $now | Quote }}}
{{ end }}
`

// podStop is how long a pod takes to stop, and a Job's to finish.
const podStop = 200 * time.Millisecond

// JSONPath-like keys of kwok's selectors.
const (
	deletionKey   = ".metadata.deletionTimestamp"
	finalizersKey = ".metadata.finalizers"
	ownerKey      = ".metadata.ownerReferences.[].kind"
	phaseKey      = ".status.phase"
	appKey        = `.metadata.labels["k8s-app"]`
	readyKey      = `.status.conditions.[] | select(.type == "Ready") | .status`
)

type object = map[string]any

// kwokConfig is kwok's configuration: what becomes of nodes and pods. It is
// ours instead of kwok's own, which drops a pod's PodScheduled condition, knows
// no agent that takes a while to get ready, and does not quote what a node says
// of itself. agentDelay is the time between two agents' getting ready.
func kwokConfig(agentDelay time.Duration) ([]byte, error) {
	agentReadyAfter := object{"durationFrom": object{"expressionFrom": fmt.Sprintf(
		`((.spec.nodeName[-1:] | tonumber) + 1) * %d | (tostring + "ms")`, agentDelay.Milliseconds())}}
	var stream []byte
	for _, document := range []object{
		stage("node-heartbeat", "Node", after(4*time.Minute), status(heartbeatTemplate),
			is(phaseKey, "Running"), is(readyKey, "True")),
		stage("pod-run", "Pod", nil, running(true),
			absent(deletionKey), isNot(appKey, AgentName), is(phaseKey, "Pending")),
		stage("agent-run", "Pod", nil, running(false),
			absent(deletionKey), is(appKey, AgentName), is(phaseKey, "Pending")),
		stage("agent-ready", "Pod", agentReadyAfter, running(true),
			absent(deletionKey), is(appKey, AgentName), is(phaseKey, "Running"), isNot(readyKey, "True")),
		stage("pod-complete", "Pod", after(podStop), status(completedTemplate),
			absent(deletionKey), is(ownerKey, "Job"), is(phaseKey, "Running")),
		stage("pod-delete", "Pod", after(podStop), object{"delete": true},
			present(deletionKey), absent(finalizersKey)),
	} {
		text, err := yaml.Marshal(document)
		if err != nil {
			return nil, fmt.Errorf("encode a stage for kwok: %w", err)
		}
		stream = append(append(stream, "---\n"...), text...)
	}
	return stream, nil
}

// stage makes one step in the life of nodes or pods: what happens next to those
// that meet all the conditions, after a delay.
func stage(name, kind string, delay, next object, conditions ...object) object {
	conditions = append(conditions, absent(fmt.Sprintf(".metadata.annotations[%q]", HoldAnnotation)))
	spec := object{
		"resourceRef": object{"apiGroup": "v1", "kind": kind},
		"selector":    object{"matchExpressions": conditions},
		"next":        next,
	}
	if delay != nil {
		spec["delay"] = delay
	}
	return object{
		"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage",
		"metadata": object{"name": name}, "spec": spec,
	}
}

func is(key string, values ...string) object {
	return object{"key": key, "operator": "In", "values": values}
}

func isNot(key string, values ...string) object {
	return object{"key": key, "operator": "NotIn", "values": values}
}

func present(key string) object { return object{"key": key, "operator": "Exists"} }

func absent(key string) object { return object{"key": key, "operator": "DoesNotExist"} }

func after(d time.Duration) object { return object{"durationMilliseconds": d.Milliseconds()} }

// running gives a pod the status of one whose containers run.
func running(ready bool) object {
	word := "False"
	if ready {
		word = "True"
	}
	return status(fmt.Sprintf("{{ $ready := %q }}\n%s", word, runningTemplate))
}

// status changes the status by a strategic merge, which keeps conditions that
// the template does not name.
func status(template string) object {
	return object{"patches": []object{{
		"subresource": "status", "root": "status", "type": "strategic", "template": template,
	}}}
}

// Package conditions evaluates the match conditions of injecting webhooks: CEL
// expressions that the API server asks before it calls a webhook.
//
// It uses cel-go itself, and not the API server's own library around it, which
// would bring half of k8s.io/apiserver into the program. An expression that needs
// what only that library has, such as quantities, leaves the pod undecided.
package conditions

import (
	"errors"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

// mostCost bounds the evaluation of one expression, as the API server does
// (k8s.io/apiserver/pkg/apis/cel, PerCallLimit).
const mostCost = 1000000

// Conditions are the match conditions of all injectors that have any.
type Conditions struct {
	webhooks []webhook
}

type webhook struct {
	injector mesh.Injector
	programs []cel.Program
	// broken is set if an expression did not compile.
	broken bool
}

// Compile prepares the conditions of injectors. It gives nil if there are none.
// A webhook with an expression that does not compile leaves every pod undecided.
func Compile(injectors []mesh.Injector) *Conditions {
	c := &Conditions{}
	for _, injector := range injectors {
		if len(injector.Conditions) > 0 {
			c.webhooks = append(c.webhooks, compile(injector))
		}
	}
	if len(c.webhooks) == 0 {
		return nil
	}
	return c
}

func compile(injector mesh.Injector) webhook {
	w := webhook{injector: injector}
	env, err := cel.NewEnv(
		cel.Variable("object", cel.DynType), cel.Variable("oldObject", cel.DynType),
		cel.Variable("request", cel.DynType), cel.Variable("authorizer", cel.DynType),
		ext.Strings(), cel.OptionalTypes(),
	)
	if err != nil {
		w.broken = true
		return w
	}
	for _, condition := range injector.Conditions {
		program, err := program(env, condition.Expression)
		if err != nil {
			w.broken = true
			continue
		}
		w.programs = append(w.programs, program)
	}
	return w
}

func program(env *cel.Env, expression string) (cel.Program, error) {
	checked, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	return env.Program(checked, cel.CostLimit(mostCost))
}

// Note notes with a pod which webhooks' conditions leave it out, and which could
// not be evaluated for it. It evaluates them for the pod as it is now: what other
// webhooks changed after the injection is taken for what it was made with.
func (c *Conditions) Note(pod *mesh.Pod, object *corev1.Pod) {
	if c == nil {
		return
	}
	input, err := inputFor(object)
	for _, w := range c.webhooks {
		key := w.injector.Key()
		if err != nil {
			pod.Undecided = append(pod.Undecided, key)
			continue
		}
		switch called, decided := w.called(input); {
		case !decided:
			pod.Undecided = append(pod.Undecided, key)
		case !called:
			pod.Declined = append(pod.Declined, key)
		}
	}
}

// called reports whether the API server would call the webhook. As there, one
// condition that is false decides, whatever the others are.
func (w webhook) called(input map[string]any) (called, decided bool) {
	decided = !w.broken
	for _, program := range w.programs {
		value, _, err := program.Eval(input)
		answer, isBool := false, false
		if err == nil {
			answer, isBool = value.Value().(bool)
		}
		switch {
		case !isBool:
			decided = false
		case !answer:
			return false, true
		}
	}
	return true, decided
}

// inputFor is what is known of the request that made the pod. Who made it is not,
// and neither is what they were allowed to do: an expression that asks for either
// fails.
func inputFor(pod *corev1.Pod) (map[string]any, error) {
	if pod == nil {
		return nil, errors.New("there is no pod")
	}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(pod)
	if err != nil {
		return nil, err
	}
	object["apiVersion"], object["kind"] = "v1", "Pod"
	kind := map[string]any{"group": "", "version": "v1", "kind": "Pod"}
	resource := map[string]any{"group": "", "version": "v1", "resource": "pods"}
	return map[string]any{
		"object": object, "oldObject": nil,
		"request": map[string]any{
			"operation": "CREATE", "namespace": pod.Namespace, "name": pod.Name, "subResource": "", "dryRun": false,
			"kind": kind, "requestKind": kind, "resource": resource, "requestResource": resource,
		},
	}, nil
}

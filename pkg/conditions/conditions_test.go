package conditions

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

func injector(expressions ...string) mesh.Injector {
	i := mesh.Injector{Configuration: "c", Webhook: "w"}
	for _, expression := range expressions {
		i.Conditions = append(i.Conditions, mesh.Condition{Name: "n", Expression: expression})
	}
	return i
}

func TestNote(t *testing.T) {
	const called, declined, undecided = "called", "declined", "undecided"
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web-1", Namespace: "shop", Labels: map[string]string{"app": "web", "contoso.example/tier": "front"}},
		Spec:       corev1.PodSpec{HostNetwork: true, Containers: []corev1.Container{{Name: "app"}}},
	}
	for _, test := range []struct {
		name        string
		expressions []string
		want        string
	}{
		{"true", []string{"true"}, called},
		{"false", []string{"false"}, declined},
		{"a label that is there", []string{`object.metadata.labels["app"] == "web"`}, called},
		{"a label by another name", []string{`'contoso.example/tier' in object.metadata.labels`}, called},
		{"a label that is not there", []string{`has(object.metadata.labels.team)`}, declined},
		{"an optional label", []string{`object.metadata.labels[?"team"].orValue("none") == "none"`}, called},
		{"the specification", []string{`!object.spec.hostNetwork`}, declined},
		{"all containers", []string{`object.spec.containers.all(c, c.name.startsWith("a"))`}, called},
		{"the request", []string{`request.operation == "CREATE" && request.namespace == "shop" && request.kind.kind == "Pod"`}, called},
		{"strings", []string{`request.name.split("-")[0] == "web"`}, called},
		{"both true", []string{"true", `request.name != ""`}, called},
		{"one false", []string{"true", "false"}, declined},
		{"an error, and a false", []string{`object.spec.nowhere == 1`, "false"}, declined},
		{"an error", []string{`object.spec.nowhere == 1`}, undecided},
		{"an error, and a true", []string{`object.spec.nowhere == 1`, "true"}, undecided},
		{"who made it", []string{`request.userInfo.username != "system:node"`}, undecided},
		{"what they may do", []string{`authorizer.group("").resource("pods").check("create").allowed()`}, undecided},
		{"no CEL", []string{"object ==== 1"}, undecided},
		{"no CEL, and a false", []string{"object ==== 1", "false"}, declined},
		{"no answer", []string{`"yes"`}, undecided},
		{"too much", []string{`[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, [1,2,3,4,5,6,7,8,9,10].all(f, a+b+c+d+e+f > 0))))))`}, undecided},
	} {
		t.Run(test.name, func(t *testing.T) {
			noted := mesh.Pod{}
			i := injector(test.expressions...)
			Compile([]mesh.Injector{{Configuration: "other"}, i}).Note(&noted, pod)
			got := called
			switch {
			case slices.Contains(noted.Declined, i.Key()):
				got = declined
			case slices.Contains(noted.Undecided, i.Key()):
				got = undecided
			}
			if got != test.want || len(noted.Declined)+len(noted.Undecided) > 1 {
				t.Errorf("got %s, want %s: %+v", got, test.want, noted)
			}
		})
	}
}

// Almost no webhook has conditions, and then nothing is done.
func TestWithoutConditions(t *testing.T) {
	c := Compile([]mesh.Injector{{Configuration: "c", Webhook: "w"}})
	if c != nil {
		t.Errorf("got %+v", c)
	}
	noted := mesh.Pod{}
	c.Note(&noted, nil)
	if noted.Declined != nil || noted.Undecided != nil {
		t.Errorf("got %+v", noted)
	}
}

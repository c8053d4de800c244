package mesh

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/randfill"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/wire"
)

// randomPod fills a pod with whatever its type allows, and with names that the
// mesh looks for.
func randomPod(seed int64) *corev1.Pod {
	filler := randfill.NewWithSeed(seed).NilChance(.2).NumElements(1, 3).Funcs(
		func(c *corev1.Container, f randfill.Continue) {
			f.FillNoCustom(c)
			c.Name = []string{InitContainer, ValidationContainer, ProxyContainer, "app"}[f.Intn(4)]
			if always := corev1.ContainerRestartPolicyAlways; f.Bool() {
				c.RestartPolicy = &always
			}
		},
		func(s *corev1.SecurityContext, f randfill.Continue) {
			f.FillNoCustom(s)
			if user := int64(ProxyUID); f.Bool() {
				s.RunAsUser = &user
			}
		},
		func(s *corev1.ContainerStatus, f randfill.Continue) {
			f.FillNoCustom(s)
			s.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}
			s.State = []corev1.ContainerState{
				{Running: &corev1.ContainerStateRunning{}}, {Waiting: &corev1.ContainerStateWaiting{Reason: f.String(10)}},
				{Terminated: &corev1.ContainerStateTerminated{ExitCode: f.Int31()}},
			}[f.Intn(3)]
		},
		func(m *metav1.ObjectMeta, f randfill.Continue) {
			f.FillNoCustom(m)
			if now := metav1.NewTime(time.Unix(f.Int63n(1<<31), 0)); f.Bool() {
				m.CreationTimestamp, m.DeletionTimestamp = now, &now
			}
			m.Annotations = map[string]string{
				StatusAnnotation: `{"revision":"` + []string{"asm-1-27", "default"}[f.Intn(2)] + `"}`, InjectLabel: f.String(4),
				"inject.istio.io/templates": f.String(4), InterceptionModeKey: f.String(4), "other": f.String(40),
			}
		},
		func(s *corev1.PodSpec, f randfill.Continue) {
			f.FillNoCustom(s)
			if f.Bool() {
				s.NodeSelector = map[string]string{corev1.LabelOSStable: string(corev1.Windows)}
			} else {
				s.OS = &corev1.PodOS{Name: corev1.Windows}
			}
			if user := int64(ProxyUID); f.Bool() {
				s.SecurityContext = &corev1.PodSecurityContext{RunAsUser: &user}
			}
		},
		func(s *corev1.PodStatus, f randfill.Continue) {
			f.FillNoCustom(s)
			s.StartTime = &metav1.Time{Time: time.Unix(f.Int63n(1<<31), 0)}
		},
		// Quantities know only numbers that are spelled well; nothing here reads any.
		func(*corev1.ResourceList, randfill.Continue) {},
		func(*corev1.ResourceRequirements, randfill.Continue) {},
	)
	pod := &corev1.Pod{}
	filler.Fill(pod)
	return pod
}

// What is left of a pod on the wire is enough: no field that PodFrom looks at is
// missing from PodFields.
func TestPodFieldsAreEnough(t *testing.T) {
	for seed := range int64(500) {
		if diff := missedWithout(t, PodFields(), randomPod(seed)); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}

// Every one of PodFields is looked at, and the test above would notice if one
// were missing.
func TestPodFieldsAreNeeded(t *testing.T) {
	pods := make([]*corev1.Pod, 60)
	for seed := range pods {
		pods[seed] = randomPod(int64(seed))
	}
	all := PodFields()
	eachPath(all, nil, func(path []protowire.Number) {
		fields := without(all, path)
		if !slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return missedWithout(t, fields, p) != "" }) {
			t.Errorf("nobody looks at field %v", path)
		}
	})
}

// missedWithout is what PodFrom sees differently if only some fields are kept.
func missedWithout(t *testing.T, fields wire.Fields, pod *corev1.Pod) string {
	t.Helper()
	message, err := pod.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	lean, err := fields.Append(nil, message)
	if err != nil {
		t.Fatal(err)
	}
	var whole, part corev1.Pod
	if err := whole.Unmarshal(message); err != nil {
		t.Fatal(err)
	}
	if err := part.Unmarshal(lean); err != nil {
		t.Fatal(err)
	}
	all := func(string) bool { return true }
	return cmp.Diff(PodFrom(&whole, all), PodFrom(&part, all))
}

// eachPath calls visit with the way to every field that is kept whole.
func eachPath(fields wire.Fields, path []protowire.Number, visit func([]protowire.Number)) {
	for number, inner := range fields {
		way := append(slices.Clone(path), number)
		if inner == nil {
			visit(way)
		} else {
			eachPath(inner, way, visit)
		}
	}
}

func without(fields wire.Fields, path []protowire.Number) wire.Fields {
	fields = maps.Clone(fields)
	if len(path) == 1 {
		delete(fields, path[0])
	} else {
		fields[path[0]] = without(fields[path[0]], path[1:])
	}
	return fields
}

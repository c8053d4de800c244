package e2e

import (
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/sample"
)

// populate fills a sandbox with what nothing is wrong with, for check to be silent
// about: an application in every revision and tag of the mesh, a Job that has ended,
// and namespaces outside.
func (l *lab) populate() {
	l.t.Helper()
	var namespaces []string
	for _, name := range strings.Fields(l.kubectl("get", "mutatingwebhookconfigurations", "-o",
		`jsonpath={range .items[*]}{.metadata.labels.istio\.io/rev}={.metadata.labels.istio\.io/tag} {end}`)) {
		revision, tag, _ := strings.Cut(name, "=")
		if tag == "" {
			tag = revision
		}
		namespaces = append(namespaces, "bookinfo-"+tag)
		l.apply(namespace("bookinfo-"+tag, "istio.io/rev: "+tag))
		l.must(l.Cluster.Apply(l.ctx(), "bookinfo-"+tag, sample.Manifest()))
	}
	l.apply(namespace("outside", "") + deployment("outside", "app", "  replicas: 2"))
	work := corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "work", Image: "registry.example/work:1"}}}
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "work"}, Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: work}}}
	_, err := l.Client.BatchV1().Jobs(namespaces[0]).Create(l.ctx(), job, metav1.CreateOptions{})
	l.must(err)
	for _, name := range append(namespaces, "outside") {
		until(l.t, func() string { return l.notReady(name) })
	}
}

package kube

import (
	"errors"

	admissionregistrationv1 "k8s.io/client-go/kubernetes/typed/admissionregistration/v1"
	appsv1 "k8s.io/client-go/kubernetes/typed/apps/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	discoveryv1 "k8s.io/client-go/kubernetes/typed/discovery/v1"
	policyv1 "k8s.io/client-go/kubernetes/typed/policy/v1"
	"k8s.io/client-go/rest"
)

// Interface is the part of client-go's clientset that is used. The whole of it
// has a client for each of some fifty API groups, which all end up in the program.
type Interface interface {
	AdmissionregistrationV1() admissionregistrationv1.AdmissionregistrationV1Interface
	AppsV1() appsv1.AppsV1Interface
	CoreV1() corev1.CoreV1Interface
	DiscoveryV1() discoveryv1.DiscoveryV1Interface
	PolicyV1() policyv1.PolicyV1Interface
}

// groups are the clients of the API groups that are used.
type groups struct {
	admission *admissionregistrationv1.AdmissionregistrationV1Client
	apps      *appsv1.AppsV1Client
	core      *corev1.CoreV1Client
	discovery *discoveryv1.DiscoveryV1Client
	policy    *policyv1.PolicyV1Client
}

// newGroups makes clients that share their connections.
func newGroups(config *rest.Config) (*groups, error) {
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	g := &groups{}
	var errs [5]error
	g.admission, errs[0] = admissionregistrationv1.NewForConfigAndClient(config, http)
	g.apps, errs[1] = appsv1.NewForConfigAndClient(config, http)
	g.core, errs[2] = corev1.NewForConfigAndClient(config, http)
	g.discovery, errs[3] = discoveryv1.NewForConfigAndClient(config, http)
	g.policy, errs[4] = policyv1.NewForConfigAndClient(config, http)
	return g, errors.Join(errs[:]...)
}

// AdmissionregistrationV1 is the client of webhooks.
func (g *groups) AdmissionregistrationV1() admissionregistrationv1.AdmissionregistrationV1Interface {
	return g.admission
}

// AppsV1 is the client of workloads.
func (g *groups) AppsV1() appsv1.AppsV1Interface { return g.apps }

// CoreV1 is the client of pods, nodes, namespaces and events.
func (g *groups) CoreV1() corev1.CoreV1Interface { return g.core }

// DiscoveryV1 is the client of endpoint slices.
func (g *groups) DiscoveryV1() discoveryv1.DiscoveryV1Interface { return g.discovery }

// PolicyV1 is the client of disruption budgets.
func (g *groups) PolicyV1() policyv1.PolicyV1Interface { return g.policy }

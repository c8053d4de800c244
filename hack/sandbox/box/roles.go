package box

import (
	"context"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/controlplane"
)

// Roles are the names of users that Role knows.
func Roles() []string {
	return []string{"admin", "by-name", "viewer", "no-nodes", "one-namespace", "nobody"}
}

// Role is a user with the rights of a common kind of people. The namespace is
// for one-namespace only.
func Role(name, namespace string) (User, error) {
	u := User{Name: name}
	switch name {
	case "admin":
		u.Admin = true
	case "by-name":
		u.Admin, u.ByName = true, true
	case "viewer":
		u.Rules = append(ClusterReadRules(), NamespaceReadRules()...)
	case "no-nodes":
		u.Rules = append(withoutNodes(ClusterReadRules()), NamespaceReadRules()...)
	case "one-namespace":
		if namespace == "" {
			return User{}, fmt.Errorf("the role %s needs a namespace", name)
		}
		u.Namespace, u.Rules = namespace, NamespaceReadRules()
	case "nobody":
	default:
		return User{}, fmt.Errorf("there is no role %q; there are %s", name, strings.Join(Roles(), ", "))
	}
	return u, nil
}

// ClusterReadRules allow reading what belongs to no namespace.
func ClusterReadRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		readRule("", "nodes", "namespaces"),
		readRule("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
	}
}

// NamespaceReadRules allow reading workloads and what belongs to them, and no
// Secrets.
func NamespaceReadRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		readRule("", "pods", "pods/log", "events", "services", "serviceaccounts", "configmaps"),
		readRule("apps", "deployments", "replicasets", "statefulsets", "daemonsets"),
		readRule("batch", "jobs", "cronjobs"),
		readRule("policy", "poddisruptionbudgets"),
		readRule("discovery.k8s.io", "endpointslices"),
	}
}

func readRule(group string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: []string{"get", "list", "watch"}}
}

func withoutNodes(rules []rbacv1.PolicyRule) []rbacv1.PolicyRule {
	for i := range rules {
		rules[i].Resources = slices.DeleteFunc(rules[i].Resources, func(r string) bool { return r == "nodes" })
	}
	return rules
}

// KubeconfigIn creates a user of the sandbox that another process runs in dir
// under a cluster's name, and returns the path of their kubeconfig.
func KubeconfigIn(ctx context.Context, dir, name string, u User) (string, error) {
	o, err := Options{Name: name}.complete()
	if err != nil {
		return "", err
	}
	plane, err := controlplane.Open(controlplane.Config{Dir: dir, Name: o.Name, ServerName: o.fqdn()})
	if err != nil {
		return "", err
	}
	client, err := kubernetes.NewForConfig(plane.Admin)
	if err != nil {
		return "", fmt.Errorf("make a client for the cluster: %w", err)
	}
	return newUser(ctx, plane, client, u)
}

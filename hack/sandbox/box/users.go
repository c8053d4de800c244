package box

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/controlplane"
)

// User is somebody with exactly the rights named here.
type User struct {
	// Name of the user, and of the roles and the file that are made for them.
	Name string
	// Namespace that the rules hold in; empty means the whole cluster.
	Namespace string
	// Rules are the rights; none at all is possible.
	Rules []rbacv1.PolicyRule
	// ClusterRules are rights in the whole cluster, besides those in Namespace.
	ClusterRules []rbacv1.PolicyRule
	// Admin gives every right instead.
	Admin bool
	// ByName has the kubeconfig name the cluster's public host name as the
	// server's, as if it were reached by that name.
	ByName bool
}

// KubeconfigFor creates a user and returns the path of their kubeconfig.
func (b *Box) KubeconfigFor(ctx context.Context, u User) (string, error) {
	return newUser(ctx, b.plane, b.Client, u)
}

func newUser(ctx context.Context, plane *controlplane.ControlPlane, client kubernetes.Interface, u User) (string, error) {
	var groups []string
	if u.Admin {
		groups = []string{"system:masters"}
	}
	pair, err := plane.User(u.Name, groups...)
	if err != nil {
		return "", err
	}
	cluster, local := u.ClusterRules, u.Rules
	if u.Namespace == "" {
		cluster, local = append(cluster, u.Rules...), nil
	}
	if err := grantCluster(ctx, client, u.Name, cluster); err != nil {
		return "", err
	}
	if err := grantLocal(ctx, client, u.Name, u.Namespace, local); err != nil {
		return "", err
	}
	return plane.Kubeconfig("user-"+url.PathEscape(u.Name), controlplane.KubeconfigOptions{
		User: u.Name, Namespace: u.Namespace, ByName: u.ByName, Pair: &pair,
	})
}

func subject(user string) []rbacv1.Subject {
	return []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}}
}

func roleName(user string) string { return "sandbox:" + user }

func grantCluster(ctx context.Context, client kubernetes.Interface, user string, rules []rbacv1.PolicyRule) error {
	if len(rules) == 0 {
		return nil
	}
	name := metav1.ObjectMeta{Name: roleName(user)}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: name, Subjects: subject(user),
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name.Name},
	}
	rbac := client.RbacV1()
	return granted(user,
		put(ctx, &rbacv1.ClusterRole{ObjectMeta: name, Rules: rules}, rbac.ClusterRoles().Create, rbac.ClusterRoles().Update),
		put(ctx, binding, rbac.ClusterRoleBindings().Create, rbac.ClusterRoleBindings().Update))
}

func grantLocal(ctx context.Context, client kubernetes.Interface, user, namespace string, rules []rbacv1.PolicyRule) error {
	if len(rules) == 0 {
		return nil
	}
	name := metav1.ObjectMeta{Name: roleName(user), Namespace: namespace}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: name, Subjects: subject(user),
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name.Name},
	}
	rbac := client.RbacV1()
	return granted(user,
		put(ctx, &rbacv1.Role{ObjectMeta: name, Rules: rules}, rbac.Roles(namespace).Create, rbac.Roles(namespace).Update),
		put(ctx, binding, rbac.RoleBindings(namespace).Create, rbac.RoleBindings(namespace).Update))
}

func granted(user string, errs ...error) error {
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("grant rights to %s: %w", user, err)
	}
	return nil
}

// put creates an object, or replaces the one of that name.
func put[T any](ctx context.Context, object *T,
	create func(context.Context, *T, metav1.CreateOptions) (*T, error),
	update func(context.Context, *T, metav1.UpdateOptions) (*T, error),
) error {
	_, err := create(ctx, object, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = update(ctx, object, metav1.UpdateOptions{})
	}
	return err
}

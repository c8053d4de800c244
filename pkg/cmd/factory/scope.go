package factory

import (
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
)

// ScopeFlags choose which objects a command is about.
type ScopeFlags struct {
	AllNamespaces bool
	Selector      string
	FieldSelector string
}

// AddTo adds the flags to a command.
func (s *ScopeFlags) AddTo(cmd *cobra.Command, objects string) {
	cmd.Flags().BoolVarP(&s.AllNamespaces, "all-namespaces", "A", false, "The "+objects+" of all namespaces")
	cmd.Flags().StringVarP(&s.Selector, "selector", "l", "", "Only "+objects+" whose labels match, such as app=web")
}

// AddFieldSelector adds the flag --field-selector.
func (s *ScopeFlags) AddFieldSelector(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.FieldSelector, "field-selector", "", "Only objects whose fields match, such as spec.nodeName=node-1")
}

// Validate says what is wrong with the selectors before anything is sent.
func (s *ScopeFlags) Validate() error {
	if _, err := labels.Parse(s.Selector); err != nil {
		return fail.Usage("--selector: %w", err)
	}
	if _, err := fields.ParseSelector(s.FieldSelector); err != nil {
		return fail.Usage("--field-selector: %w", err)
	}
	return nil
}

// Scope is what the flags choose on a context.
func (s *ScopeFlags) Scope(client *kube.Client) kube.Scope {
	scope := kube.Scope{Namespace: client.Context().Namespace, LabelSelector: s.Selector, FieldSelector: s.FieldSelector}
	if s.AllNamespaces {
		scope.Namespace = ""
	}
	return scope
}

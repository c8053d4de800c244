// Package feature is the command feature.
package feature

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/azure"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/output"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/observe"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/report"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// Options are the command's.
type Options struct {
	Factory *factory.Factory
	Output  *output.Flags
	Yes     bool
	Timeout time.Duration
}

// Answer is the JSON answer of feature show.
type Answer struct {
	metav1.TypeMeta `json:",inline"`
	Name            string `json:"name"`
	SubscriptionID  string `json:"subscriptionId"`
	State           string `json:"state"`
	// Needed tells whether the api-version in use still needs the flag.
	Needed     bool   `json:"needed"`
	APIVersion string `json:"apiVersionInUse"`
}

// New makes the command.
func New(f *factory.Factory) *cobra.Command {
	cmd := &cobra.Command{
		Use:  "feature",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Example: `  # Is the flag needed here?
  kubectl istio-cni feature show

  # Register it and wait
  kubectl istio-cni feature register`,
		Short: "Show, register or unregister the preview feature flag",
		Long: `Show, register or unregister IstioCNIPreview, the feature flag of the cluster's
subscription. It matters only in clouds that offer the CNI node agent as a
preview; with a stable api-version no flag is needed.`,
	}
	cmd.AddCommand(newShow(f), newSet(f, true), newSet(f, false))
	return cmd
}

func newShow(f *factory.Factory) *cobra.Command {
	o := &Options{Factory: f, Output: output.New(output.Table)}
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Show the state of the feature flag and whether it is needed",
		Example: "  kubectl istio-cni feature show",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Output.Validate(); err != nil {
				return err
			}
			return o.show(cmd.Context())
		},
	}
	o.Output.AddTo(cmd)
	f.AddAzureFlags(cmd)
	return cmd
}

func newSet(f *factory.Factory, register bool) *cobra.Command {
	o := &Options{Factory: f}
	verb, long := "unregister", "Take the feature flag back, wait until that is done, and tell the provider."
	if register {
		verb, long = "register", "Register the feature flag, wait until that is done, and tell the provider.\nIt takes minutes and concerns the whole subscription."
	}
	cmd := &cobra.Command{
		Use:     verb,
		Short:   strings.ToUpper(verb[:1]) + verb[1:] + " the feature flag, and wait",
		Long:    long,
		Example: "  kubectl istio-cni feature " + verb,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.set(cmd.Context(), register) },
	}
	cmd.Flags().BoolVarP(&o.Yes, "yes", "y", false, "Do not ask first")
	cmd.Flags().DurationVar(&o.Timeout, "timeout", 30*time.Minute, "How long to wait")
	f.AddAzureFlags(cmd)
	return cmd
}

// cluster reads the cluster, whose subscription the flag belongs to.
func (o *Options) cluster(ctx context.Context, reporter *factory.Reporter) (*observe.Observation, error) {
	client, err := o.Factory.KubeClient()
	if err != nil {
		return nil, err
	}
	observer, err := o.Factory.Observer(client, reporter.Progress)
	if err != nil {
		return nil, err
	}
	reporter.Progress("finding the cluster's subscription")
	observation := observer.ObserveAzure(ctx)
	reporter.Close()
	return observation, observation.AzureErr
}

func (o *Options) show(ctx context.Context) error {
	observation, err := o.cluster(ctx, o.Factory.Reporter())
	if err != nil {
		return err
	}
	a := observation.Azure
	state, err := a.Client.Feature(ctx, a.Identity.SubscriptionID)
	if err != nil {
		return err
	}
	answer := Answer{
		TypeMeta: metav1.TypeMeta{APIVersion: report.APIVersion, Kind: "Feature"}, Name: azure.FeatureName,
		SubscriptionID: a.Identity.SubscriptionID, State: state, Needed: a.Version.Preview(), APIVersion: a.Version.Name,
	}
	t := o.Factory.Terminal
	if !o.Output.Human() {
		return o.Output.Print(t.Out, answer)
	}
	needed := "no"
	if answer.Needed {
		needed = "yes"
	}
	table := &report.Table{Header: []string{"FEATURE", "STATE", "NEEDED", "API-VERSION", "SUBSCRIPTION"}}
	table.Add(answer.Name, answer.State, needed, answer.APIVersion, answer.SubscriptionID)
	return table.Write(t.Out, t)
}

func (o *Options) set(ctx context.Context, register bool) error {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	reporter := o.Factory.Reporter()
	defer reporter.Close()
	observation, err := o.cluster(ctx, reporter)
	if err != nil {
		return err
	}
	a := observation.Azure
	state, err := a.Client.Feature(ctx, a.Identity.SubscriptionID)
	if err != nil {
		return err
	}
	if isRegistered := state == azure.FeatureRegistered; isRegistered == register && state != "Registering" && state != "Unregistering" {
		reporter.Say(fmt.Sprintf("Feature %s is %s already; nothing was changed.", azure.FeatureName, state))
		return nil
	}
	if !o.Yes {
		verb := "Unregister"
		if register {
			verb = "Register"
		}
		err := o.Factory.Terminal.Confirm(ctx, fmt.Sprintf("%s feature %s for the whole subscription %s?", verb, azure.FeatureName, a.Identity.SubscriptionID))
		if errors.Is(err, terminal.ErrDeclined) {
			reporter.Say("Nothing was changed.")
			return nil
		}
		if err != nil {
			return err
		}
	}
	err = a.Client.SetFeature(ctx, a.Identity.SubscriptionID, register, func(status string) { reporter.Progress(azure.FeatureName + ": " + status) })
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &fail.Error{Attempt: "wait for feature " + azure.FeatureName, Cause: err, Remedy: "the registration goes on in Azure; run the same command again to go on waiting"}
	}
	if err != nil {
		return err
	}
	done := "unregistered"
	if register {
		done = "registered"
	}
	reporter.Say(fmt.Sprintf("Feature %s is %s.", azure.FeatureName, done))
	return nil
}

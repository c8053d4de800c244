// Package revisions is the command revisions.
package revisions

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/azure"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/output"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/report"
)

// Options are the command's.
type Options struct {
	Factory *factory.Factory
	Output  *output.Flags
}

// Answer is the JSON answer.
type Answer struct {
	metav1.TypeMeta `json:",inline"`
	Location        string `json:"location"`
	// Upgrades are the revisions that this cluster's mesh can be upgraded to.
	Upgrades  []string   `json:"upgrades"`
	Revisions []Revision `json:"revisions"`
}

// Revision is a revision that the cluster's region offers.
type Revision struct {
	azure.MeshRevision
	// SupportsCNI is our knowledge: Azure does not say.
	SupportsCNI bool `json:"supportsCNI"`
	// Installed on this cluster.
	Installed bool `json:"installed"`
}

// New makes the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{Factory: f, Output: output.New(output.Table)}
	cmd := &cobra.Command{
		Use:   "revisions",
		Short: "Show the region's mesh revisions, and which know CNI",
		Long: `Show the revisions of the Istio add-on that the cluster's region offers, those
out of support included, which of them support the CNI node agent, and which the
cluster's mesh runs or can be upgraded to.`,
		Example: "  kubectl istio-cni revisions",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Output.Validate(); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.Output.AddTo(cmd)
	f.AddAzureFlags(cmd)
	return cmd
}

func (o *Options) run(ctx context.Context) error {
	answer, err := o.ask(ctx)
	if err != nil {
		return err
	}
	t := o.Factory.Terminal
	if !o.Output.Human() {
		return o.Output.Print(t.Out, answer)
	}
	table := &report.Table{Header: []string{"REVISION", "CNI", "THIS CLUSTER", "UPGRADES TO", "KUBERNETES"}}
	for _, r := range answer.Revisions {
		cni, here := "no", ""
		if r.SupportsCNI {
			cni = "yes"
		}
		if r.Installed {
			here = "installed"
		} else if slices.Contains(answer.Upgrades, r.Revision) {
			here = "upgrade"
		}
		table.Add(r.Revision, cni, here, strings.Join(r.Upgrades, ","), kubernetesVersions(r))
	}
	return table.Write(t.Out, t)
}

// kubernetesVersions are those of community support, which Azure lists apart
// from those of long-term support.
func kubernetesVersions(r Revision) string {
	for _, with := range r.CompatibleWith {
		if strings.Contains(strings.ToLower(with.Name), "kubernetes") {
			return strings.Join(with.Versions, ",")
		}
	}
	return ""
}

func (o *Options) ask(ctx context.Context) (*Answer, error) {
	client, err := o.Factory.KubeClient()
	if err != nil {
		return nil, err
	}
	reporter := o.Factory.Reporter()
	defer reporter.Close()
	observer, err := o.Factory.Observer(client, reporter.Progress)
	if err != nil {
		return nil, err
	}
	reporter.Progress("asking Azure for the mesh revisions")
	observation := observer.ObserveAzure(ctx)
	if observation.AzureErr != nil {
		return nil, observation.AzureErr
	}
	a, cluster := observation.Azure, observation.Cluster.Value
	offered, err := a.Client.MeshRevisions(ctx, a.Identity.SubscriptionID, cluster.Location, a.Version)
	if err != nil {
		return nil, err
	}
	answer := &Answer{TypeMeta: metav1.TypeMeta{APIVersion: report.APIVersion, Kind: "MeshRevisions"}, Location: cluster.Location, Revisions: []Revision{}}
	if answer.Upgrades, err = a.Client.MeshUpgrades(ctx, a.Identity, a.Version); err != nil && !azure.IsNotFound(err) {
		return nil, err
	}
	for _, r := range offered {
		// A name of a kind that did not exist yet says nothing about CNI.
		parsed, err := mesh.ParseRevision(r.Revision)
		answer.Revisions = append(answer.Revisions, Revision{
			MeshRevision: r, SupportsCNI: err == nil && parsed.SupportsCNI(), Installed: slices.Contains(cluster.Revisions, r.Revision),
		})
	}
	return answer, nil
}

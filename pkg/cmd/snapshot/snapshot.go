// Package snapshot is the command snapshot.
package snapshot

import (
	"bytes"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/observe"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Options are the command's.
type Options struct {
	Factory    *factory.Factory
	Everywhere factory.EverywhereFlag
	// File to write to; "" for a new one named after the context, - for stdout.
	File string
}

// New makes the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{Factory: f}
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Save what is known of the cluster to a file",
		Long: `Save an observation of the cluster to a file, for later or for somebody else:
status, pods, check, describe and troubleshoot judge it with --from.

It holds the facts that they judge by, and for what could not be read why. It
holds no Secret, no environment of an application's container and no token.
Names of namespaces, pods and nodes, their labels for injection, events about
redirection and the ends of a few logs of the node agent are in it.`,
		Example: `  # Into a new file in this folder
  kubectl istio-cni snapshot

  # To somebody else, and what they do with it
  kubectl istio-cni snapshot --file contoso-aks.json.gz
  kubectl istio-cni check --from contoso-aks.json.gz`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	cmd.Flags().StringVarP(&o.File, "file", "f", "", "Write to this file, which must not exist, or to stdout with -; the default is a new file named after the context")
	o.Everywhere.AddTo(cmd)
	f.AddAzureFlags(cmd)
	return cmd
}

func (o *Options) run(cmd *cobra.Command) error {
	observation, err := o.Factory.Diagnose(cmd.Context(), o.Everywhere.Namespace(cmd, o.Factory), check.Rules())
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	if err := observation.Save(&packed); err != nil {
		return fail.To("pack the snapshot", err)
	}
	t := o.Factory.Terminal
	if o.File == "-" {
		if t.OutTTY {
			return fail.Usage("a snapshot is packed and would garble the terminal; redirect stdout or name a file")
		}
		_, err := io.Copy(t.Out, &packed)
		return err
	}
	name, size := o.name(observation.Snapshot), packed.Len()
	if err := factory.WriteNew(name, &packed); err != nil {
		return err
	}
	t.Say("Saved %d pods on %d nodes, %.1f KB.", len(observation.Pods.Value), len(observation.Nodes.Value), float64(size)/1000)
	o.note(observation)
	_, err = fmt.Fprintln(t.Out, name)
	return err
}

// note says what of the snapshot is unknown.
func (o *Options) note(observation *observe.Observation) {
	unknown := check.UnknownParts(observation.Snapshot)
	for _, part := range unknown {
		o.Factory.Terminal.Say("Note: unknown in it: %s.", part)
	}
}

// name of the file: the context's and the time, for those who make several.
func (o *Options) name(s *snapshot.Snapshot) string {
	if o.File != "" {
		return o.File
	}
	return factory.FileName(s, "istio-cni", ".json.gz")
}

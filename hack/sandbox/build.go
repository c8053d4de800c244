package main

import (
	"github.com/spf13/cobra"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/parts"
)

func newBuild() *cobra.Command {
	return &cobra.Command{
		Use:   "build",
		Short: "Build the programs that a sandbox consists of, unless they are built",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := parts.Builder{Log: cmd.ErrOrStderr()}.Build(cmd.Context())
			return err
		},
	}
}

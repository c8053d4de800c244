package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/session"
)

func newDown(name *string) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "End a sandbox, and remove its files",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := session.Find(*name)
			if err != nil {
				return err
			}
			ran, err := s.End()
			if err != nil {
				return err
			}
			said := "the sandbox %s did not run\n"
			if ran {
				said = "ended the sandbox %s\n"
			}
			fmt.Fprintf(cmd.ErrOrStderr(), said, s.Name)
			return nil
		},
	}
}

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/sample"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/session"
)

func newKubeconfig(name *string) *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use:   "kubeconfig ROLE",
		Short: "Make a user of the running sandbox and print the path of their kubeconfig",
		Long: `Make a user of the running sandbox and print the path of their kubeconfig.

The roles are:
  admin          may do everything
  by-name        the same, with the server known by the cluster's public host name
  viewer         may read all but Secrets
  no-nodes       the same, but for nodes
  one-namespace  may read one namespace (-n)
  nobody         may do nothing`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: box.Roles(),
		RunE: func(cmd *cobra.Command, args []string) error {
			user, err := box.Role(args[0], namespace)
			if err != nil {
				return err
			}
			path, err := makeUser(cmd, *name, user)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), path)
			return nil
		},
	}
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "namespace for the role one-namespace")
	return cmd
}

func makeUser(cmd *cobra.Command, name string, user box.User) (string, error) {
	s, err := session.Find(name)
	if err != nil {
		return "", err
	}
	if _, err := s.Ready(); err != nil {
		return "", err
	}
	return box.KubeconfigIn(cmd.Context(), s.BoxDir(), name, user)
}

func newSample() *cobra.Command {
	return &cobra.Command{
		Use:   "sample",
		Short: "Print a sample application for the mesh, for kubectl apply -f -",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), strings.TrimSpace(string(sample.Manifest())))
			return err
		},
	}
}

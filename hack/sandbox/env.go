package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/session"
)

func newEnv(name *string) *cobra.Command {
	return &cobra.Command{
		Use:   "env",
		Short: "Print what a shell needs to use the running sandbox",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ready, err := find(*name)
			if err != nil {
				return err
			}
			printExports(cmd.OutOrStdout(), ready)
			return nil
		},
	}
}

// find gives what the running sandbox with that name says.
func find(name string) (session.Ready, error) {
	s, err := session.Find(name)
	if err != nil {
		return session.Ready{}, err
	}
	return s.Ready()
}

// printExports prints what a shell needs: the cluster and the cloud, the
// sign-in, and kubectl.
func printExports(w io.Writer, ready session.Ready) {
	fmt.Fprintln(w, "export"+exports(ready.Env, "KUBECONFIG", "AZURE_ENVIRONMENT_FILEPATH"))
	fmt.Fprintln(w, "export"+exports(ready.Env, "IDENTITY_ENDPOINT", "IDENTITY_HEADER"))
	fmt.Fprintf(w, "export PATH=%s:\"$PATH\"\n", quote(ready.Kubectl))
}

func exports(env []string, names ...string) string {
	var b strings.Builder
	for _, name := range names {
		for _, entry := range env {
			if key, value, _ := strings.Cut(entry, "="); key == name {
				b.WriteString(" " + name + "=" + quote(value))
			}
		}
	}
	return b.String()
}

// quote makes one word for a shell.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

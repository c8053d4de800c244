// Package completion is the command completion.
package completion

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
)

// kubectlScript is what kubectl looks for on the PATH and asks for completions.
const kubectlScript = `#!/bin/sh
# Save this as kubectl_complete-istio_cni in a directory of your PATH and make it
# executable; kubectl then completes "kubectl istio-cni" with Tab.
exec kubectl istio-cni __complete "$@"
`

// New makes the command.
func New(f *factory.Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell|kubectl",
		Short: "Print a script that completes commands with Tab",
		Long: `Print a completion script for a shell, or the small script that makes kubectl
itself complete "kubectl istio-cni".`,
		Example: `  # Let kubectl complete the plugin, in every shell that completes kubectl
  kubectl istio-cni completion kubectl > ~/.local/bin/kubectl_complete-istio_cni
  chmod +x ~/.local/bin/kubectl_complete-istio_cni`,
		Args:                  cobra.ExactArgs(1),
		ValidArgs:             []string{"bash", "zsh", "fish", "powershell", "kubectl"},
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), f.Terminal.Out
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(out)
			case "kubectl":
				_, err := fmt.Fprint(out, kubectlScript)
				return err
			}
			return fail.Usage("no completion for %q; there is one for bash, zsh, fish, powershell and kubectl", args[0])
		},
	}
}

// Command sandbox runs AKS in a box: a real Kubernetes control plane with nodes
// and a mesh that look like AKS's, and a simulated Azure Resource Manager, all
// on the loopback interface of this machine.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	var name string
	root := &cobra.Command{
		Use:           "sandbox",
		Short:         "AKS in a box, on this machine's loopback interface",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&name, "name", "contoso-aks", "name of the sandbox and its cluster; several can run side by side")
	root.AddCommand(
		newBuild(), newUp(&name), newRun(&name), newDown(&name), newEnv(&name),
		newFault(&name), newScenario(&name), newKubeconfig(&name), newSample(),
	)
	return root
}

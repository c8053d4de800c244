// Command kubectl-istio_cni is the kubectl plugin istio-cni.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
)

// version is set by the linker.
var version = "v0.0.0-dev"

func main() {
	useLittleMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second interrupt ends the program at once.
	context.AfterFunc(ctx, stop)
	os.Exit(cmd.Execute(ctx, factory.New(version), os.Args[1:]))
}

// useLittleMemory has garbage collected more than twice as often as usual. Most of
// what a large cluster sends is garbage at once, and collecting it costs a few
// milliseconds.
func useLittleMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(40)
	}
}

// Command bench measures how long it takes to read every pod of a large
// cluster: with the plugin, with its rivals, and at the least.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	pods, runs, slowRuns, startRuns int
	data, out, plugin               string
	only                            string
	shape, serveOnly, ways          bool
}

func parse() options {
	var o options
	flag.IntVar(&o.pods, "pods", 10_000, "number of pods in the cluster")
	flag.IntVar(&o.runs, "runs", 5, "how often each program is measured")
	flag.IntVar(&o.slowRuns, "slow-runs", 3, "how often the slow ones are")
	flag.IntVar(&o.startRuns, "start-runs", 20, "how often starting up is measured; 0 leaves it out")
	flag.StringVar(&o.data, "data", "", "folder that keeps the cluster, so that it is filled only once (default in the user's cache folder)")
	flag.StringVar(&o.out, "out", "", "Markdown file to write into, between two marks (default standard output)")
	flag.StringVar(&o.plugin, "plugin", "../../bin/kubectl-istio_cni", "the plugin")
	flag.StringVar(&o.only, "only", "", "measure only programs whose title has this in it; curl is always measured")
	flag.BoolVar(&o.shape, "shape", false, "measure also over a link that is like a VPN")
	flag.BoolVar(&o.ways, "ways", false, "compare ways of reading pods")
	flag.BoolVar(&o.serveOnly, "serve", false, "run the cluster until interrupted, and measure nothing")
	flag.Parse()
	return o
}

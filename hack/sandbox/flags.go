package main

import (
	"time"

	"github.com/spf13/pflag"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
)

// addFlags adds flags for what a sandbox looks like. What takes Azure a while
// takes long enough here to be watched, and not longer.
func addFlags(flags *pflag.FlagSet, o *box.Options) {
	flags.StringSliceVar(&o.Revisions, "revision", nil, "revision of the mesh (default asm-1-27); two make a canary upgrade")
	flags.StringToStringVar(&o.Tags, "tag", nil, "revision tag, as TAG=REVISION")
	flags.BoolVar(&o.WithoutMesh, "without-mesh", false, "leave out the Istio add-on")
	flags.StringVar(&o.Mechanism, "mechanism", "", "redirection mechanism to start with: InitContainers or CNIChaining")
	flags.BoolVar(&o.ClassicSidecars, "classic-sidecars", false, "run istio-proxy beside a pod's other containers")
	flags.IntVar(&o.Nodes, "nodes", 3, "nodes of the system pool")
	flags.StringSliceVar(&o.Scenarios, "scenario", nil, "scenario to start with: see sandbox scenario")
	flags.StringArrayVar(&o.Faults, "fault", nil, "fault to start with: see sandbox fault")
	flags.DurationVar(&o.Timing.Operation, "operation", 6*time.Second, "how long Azure takes to change the cluster")
	flags.DurationVar(&o.Timing.Feature, "feature", 4*time.Second, "how long Azure takes to register a feature")
	flags.DurationVar(&o.Timing.Provider, "provider", 2*time.Second, "how long Azure takes to register a provider")
	flags.DurationVar(&o.Timing.Agent, "agent", time.Second, "time between two node agents' getting ready")
}

package main

import (
	"context"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/bench/wire"
)

// vpn is the link between a desk and a private cluster.
func vpn() wire.Link { return wire.Link{Rate: 50_000_000, RoundTrip: 40 * time.Millisecond} }

// overVPN measures reading every pod from afar.
func (b *bench) overVPN(ctx context.Context) ([]*result, error) {
	return b.distant(ctx, b.chosen(shaped()), b.slowRuns)
}

package main

import (
	"context"
	"strings"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/bench/wire"
)

// vpn is the link between a desk and a private cluster.
func vpn() wire.Link { return wire.Link{Rate: 50_000_000, RoundTrip: 40 * time.Millisecond} }

// overVPN measures reading every pod from afar.
func (b *bench) overVPN(ctx context.Context) ([]*result, error) {
	proxy, err := wire.Start(ctx, strings.TrimPrefix(b.Server, "https://"), vpn())
	if err != nil {
		return nil, err
	}
	defer func() { _ = proxy.Close() }()
	var all []*result
	for _, c := range shaped() {
		all = append(all, &result{contender: c})
	}
	for range b.slowRuns {
		for _, r := range all {
			before := proxy.Received()
			if err := b.turn(ctx, r, "https://"+proxy.Address); err != nil {
				return nil, err
			}
			r.received = proxy.Received() - before
		}
	}
	return all, nil
}

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/bench/gauge"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/bench/wire"
)

// result is what was measured of a contender.
type result struct {
	contender
	received  int64
	wall, cpu []time.Duration
	peak      []int64
	// What the API server spent.
	serverCPU    []time.Duration
	serverGrowth []int64
}

// reading measures reading every pod.
func (b *bench) reading(ctx context.Context) ([]*result, error) {
	return b.rounds(ctx, b.chosen(contenders()))
}

// rounds measures contenders. In each round everybody has one turn, so that
// whatever else the machine does hits all alike.
func (b *bench) rounds(ctx context.Context, contenders []contender) ([]*result, error) {
	var all []*result
	for _, c := range contenders {
		received, err := b.warmUp(ctx, c)
		if err != nil {
			return nil, err
		}
		all = append(all, &result{contender: c, received: received})
	}
	for round := range b.runs {
		for _, r := range all {
			if r.slow && round >= b.slowRuns {
				continue
			}
			if err := b.turn(ctx, r, b.Server); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// warmUp runs a contender for the first time, which does not count, and says how
// many bytes it received.
func (b *bench) warmUp(ctx context.Context, c contender) (received int64, err error) {
	proxy, err := wire.Start(ctx, strings.TrimPrefix(b.Server, "https://"), wire.Link{})
	if err != nil {
		return 0, err
	}
	defer func() { _ = proxy.Close() }()
	command, err := c.at(b, "https://"+proxy.Address)
	if err != nil {
		return 0, err
	}
	usage, err := b.runner.Run(ctx, command)
	fmt.Fprintf(os.Stderr, "warm-up  %-50s %s\n", c.title, usage.Wall.Round(time.Millisecond))
	return proxy.Received(), err
}

// turn measures one run of a contender.
func (b *bench) turn(ctx context.Context, r *result, server string) error {
	command, err := r.at(b, server)
	if err != nil {
		return err
	}
	if err := b.server.WaitIdle(ctx); err != nil {
		return err
	}
	end, err := b.server.Watch()
	if err != nil {
		return err
	}
	usage, err := b.runner.Run(ctx, command)
	if err != nil {
		return err
	}
	load, err := end()
	r.add(usage, load)
	fmt.Fprintf(os.Stderr, "measured %-50s %s\n", r.title, usage.Wall.Round(time.Millisecond))
	return err
}

func (r *result) add(usage gauge.Usage, load gauge.Load) {
	r.wall = append(r.wall, usage.Wall)
	r.cpu = append(r.cpu, usage.CPU)
	r.peak = append(r.peak, usage.Peak)
	r.serverCPU = append(r.serverCPU, load.CPU)
	r.serverGrowth = append(r.serverGrowth, load.Growth)
}

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/bench/wire"
)

// ways of reading pods that are compared: the plugin's comes first.
func ways() []contender {
	var all []contender
	for _, way := range []struct{ title, name string }{
		{"one list, decoded as it arrives, only the fields needed", "stream-lean"},
		{"the same, all fields", "stream-whole"},
		{"pages of 500, only the fields needed", "pages-lean"},
		{"pages of 500, client-go's typed client", "pages-typed"},
		{"one list, client-go's typed client", "list-typed"},
		{"a watch that begins with a list", "watch-list"},
	} {
		for _, compress := range []bool{true, false} {
			title := way.title
			if !compress {
				title += "; not compressed"
			}
			all = append(all, contender{title: title, command: reader(way.name, compress)})
		}
	}
	return all
}

func reader(way string, compress bool) func(*bench, string) ([]string, error) {
	return func(b *bench, server string) ([]string, error) {
		return b.withKubeconfig(server, b.reader(), []string{"--way", way, fmt.Sprintf("--compress=%t", compress)})
	}
}

func (b *bench) reader() string { return filepath.Join(b.scratch, "readers") }

// comparing measures the ways, near and over a VPN.
func (b *bench) comparing(ctx context.Context) (near, far []*result, err error) {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.reader(), "./readers")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, nil, fmt.Errorf("build the readers: %w", err)
	}
	if near, err = b.rounds(ctx, ways()); err != nil || !b.shape {
		return near, nil, err
	}
	far, err = b.distant(ctx, ways(), 1)
	return near, far, err
}

// distant measures over a link like a VPN.
func (b *bench) distant(ctx context.Context, contenders []contender, runs int) ([]*result, error) {
	proxy, err := wire.Start(ctx, strings.TrimPrefix(b.Server, "https://"), vpn())
	if err != nil {
		return nil, err
	}
	defer func() { _ = proxy.Close() }()
	var all []*result
	for _, c := range contenders {
		all = append(all, &result{contender: c})
	}
	for range runs {
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

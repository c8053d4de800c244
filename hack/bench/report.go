package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/bench/gauge"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/bench/page"
)

// report measures what was asked for, and writes it down.
func (b *bench) report(ctx context.Context) (string, error) {
	busy, err := b.busy(ctx)
	if err != nil {
		return "", err
	}
	results, err := b.reading(ctx)
	if err != nil {
		return "", err
	}
	size := find(results, limitTitle).received / int64(b.Made.Pods)
	parts := []string{b.facts(time.Now(), size, busy)}
	parts = append(parts, "### Reading every pod\n", readingTable(results).String(), spendingTable(results).String())
	if b.shape {
		far, err := b.overVPN(ctx)
		if err != nil {
			return "", err
		}
		parts = append(parts, "### Over a VPN\n", "A link of 50 Mbit/s in both directions and a round trip of 40 ms.\n", shapeTable(far).String())
	}
	if b.ways {
		near, far, err := b.comparing(ctx)
		if err != nil {
			return "", err
		}
		parts = append(parts, "### Ways of reading pods\n", waysTable(near, far).String())
	}
	if b.startRuns > 0 {
		table, err := b.starting(ctx)
		if err != nil {
			return "", err
		}
		parts = append(parts, "### Starting up\n", table.String())
	}
	return strings.Join(parts, "\n"), nil
}

// find the result of a title; an empty one if that was not measured.
func find(all []*result, title string) *result {
	i := slices.IndexFunc(all, func(r *result) bool { return r.title == title })
	if i < 0 {
		return &result{}
	}
	return all[i]
}

func readingTable(all []*result) page.Table {
	t := page.Table{Header: []string{"", "wall", "fastest–slowest", "× curl", "× how-to", "client CPU", "client peak memory", "received", "runs"}}
	limit, howto := gauge.Median(find(all, limitTitle).wall), gauge.Median(find(all, howtoTitle).wall)
	for _, r := range all {
		wall := gauge.Median(r.wall)
		t.Rows = append(t.Rows, []string{
			r.title, page.Seconds(wall), spread(r.wall), page.Ratio(wall, limit), page.Ratio(wall, howto),
			page.Seconds(gauge.Median(r.cpu)), page.Megabytes(gauge.Median(r.peak)), page.Megabytes(r.received), strconv.Itoa(len(r.wall)),
		})
	}
	return t
}

func spread(all []time.Duration) string {
	if len(all) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f–%.2f", slices.Min(all).Seconds(), slices.Max(all).Seconds())
}

func spendingTable(all []*result) page.Table {
	t := page.Table{Header: []string{"what it costs the API server", "CPU", "growth of its memory at the peak"}}
	for _, r := range all {
		t.Rows = append(t.Rows, []string{
			r.title, page.Seconds(gauge.Median(r.serverCPU)), page.Megabytes(gauge.Median(r.serverGrowth)),
		})
	}
	return t
}

// waysTable compares ways of reading pods; far is empty if they were not measured
// over a VPN.
func waysTable(near, far []*result) page.Table {
	t := page.Table{Header: []string{"", "wall", "client CPU", "client peak memory", "API server CPU", "received", "over a VPN"}}
	for i, r := range near {
		distant := "–"
		if len(far) > 0 {
			distant = page.Seconds(gauge.Median(far[i].wall))
		}
		t.Rows = append(t.Rows, []string{
			r.title, page.Seconds(gauge.Median(r.wall)), page.Seconds(gauge.Median(r.cpu)), page.Megabytes(gauge.Median(r.peak)),
			page.Seconds(gauge.Median(r.serverCPU)), page.Megabytes(r.received), distant,
		})
	}
	return t
}

func shapeTable(all []*result) page.Table {
	t := page.Table{Header: []string{"", "wall", "fastest–slowest", "× curl", "client CPU", "received", "runs"}}
	limit := gauge.Median(find(all, limitTitle).wall)
	for _, r := range all {
		wall := gauge.Median(r.wall)
		t.Rows = append(t.Rows, []string{
			r.title, page.Seconds(wall), spread(r.wall), page.Ratio(wall, limit),
			page.Seconds(gauge.Median(r.cpu)), page.Megabytes(r.received), strconv.Itoa(len(r.wall)),
		})
	}
	return t
}

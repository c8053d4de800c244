package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/bench/gauge"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/bench/page"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/bench/wire"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/parts"
)

// start is what is measured of a program's start.
type start struct {
	title, program string
	// whole are arguments of something that asks no server, first of something
	// that does.
	whole, first []string

	version, request, pods []time.Duration
}

func (b *bench) starts() []*start {
	return []*start{
		{title: "`kubectl istio-cni`", program: b.plugin, whole: []string{"version", "--client"}, first: []string{"pods", "-A"}},
		{title: "`kubectl`", program: b.programs[parts.PlainKubectl], whole: []string{"version", "--client"}, first: []string{"get", "pods", "-A"}},
	}
}

// starting measures how long it takes until a program can do anything.
func (b *bench) starting(ctx context.Context) (page.Table, error) {
	t := page.Table{Header: []string{"", "`version --client`", "to the first request", "to the request for pods", "runs"}}
	all := b.starts()
	for round := range b.startRuns + 1 {
		for _, s := range all {
			if err := b.startOnce(ctx, s, round); err != nil {
				return t, err
			}
		}
	}
	for _, s := range all {
		t.Rows = append(t.Rows, []string{
			s.title, page.Milliseconds(gauge.Median(s.version)), page.Milliseconds(gauge.Median(s.request)),
			page.Milliseconds(gauge.Median(s.pods)), strconv.Itoa(len(s.version)),
		})
	}
	return t, nil
}

// startOnce measures a program once. Round 0 does not count.
func (b *bench) startOnce(ctx context.Context, s *start, round int) error {
	usage, err := b.runner.Run(ctx, gauge.Command{Args: append([]string{s.program}, s.whole...), Env: b.env()})
	if err != nil {
		return err
	}
	request, pods, err := b.firstRequest(ctx, s)
	if err != nil || round == 0 {
		return err
	}
	s.version = append(s.version, usage.Wall)
	s.request = append(s.request, request)
	s.pods = append(s.pods, pods)
	return nil
}

// requestPatience is how long a program may take to ask for pods.
const requestPatience = 30 * time.Second

// firstRequest is how long after its start a program sends its first request, and
// the first one for pods. kubectl asks what the server knows before, and keeps the
// answer in its cache, which is a new one each time.
func (b *bench) firstRequest(ctx context.Context, s *start) (request, pods time.Duration, err error) {
	bell, err := wire.StartBell(ctx, b.Admin, "/pods")
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = bell.Close() }()
	args, err := b.withKubeconfig("http://"+bell.Address, s.program, s.first)
	if err != nil {
		return 0, 0, err
	}
	home, err := os.MkdirTemp(b.scratch, "home-")
	if err != nil {
		return 0, 0, err
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(b.env(), "HOME="+home, "KUBECACHEDIR="+filepath.Join(home, "cache"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	rung, err := bell.Wait(ctx, requestPatience)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", filepath.Base(s.program), err)
	}
	return rung.First.Sub(begun), rung.Wanted.Sub(begun), nil
}

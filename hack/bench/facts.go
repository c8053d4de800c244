package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/bench/gauge"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/parts"
)

// facts say what was measured on, and nothing of whose machine it is. size is that
// of a pod, and busy the share of the machine that others used.
func (b *bench) facts(now time.Time, size int64, busy float64) string {
	m := b.Made
	var variants []string
	for _, name := range slices.Sorted(maps.Keys(m.Variants)) {
		variants = append(variants, fmt.Sprintf("%d %s", m.Variants[name], name))
	}
	return fmt.Sprintf(`Measured on %s: %d processors, %s of memory, %s, Kubernetes %s; plugin %s.

%d pods (%s) of %.1f kB each as protobuf, %d Deployments, %d namespaces, %d nodes. All on one machine, by way of loopback. Medians; everybody had a run that does not count first. Before it began, others used %.0f %% of the machine.
`,
		now.UTC().Format(time.DateOnly), runtime.NumCPU(), memory(), runtime.Version(), parts.KubernetesVersion(), b.pluginVersion(),
		m.Pods, strings.Join(variants, ", "), float64(size)/1e3, m.Deployments, m.Namespaces, m.Nodes, busy*100)
}

// busy is the share of the machine that is in use although nothing is measured.
func (b *bench) busy(ctx context.Context) (float64, error) {
	if err := b.server.WaitIdle(ctx); err != nil {
		return 0, err
	}
	return gauge.Busy(ctx)
}

func (b *bench) pluginVersion() string {
	output, err := exec.CommandContext(context.Background(), b.plugin, "version", "--client", "-o", "jsonpath={.client.version}").Output()
	if err != nil {
		return "of unknown version"
	}
	return string(bytes.TrimSpace(output))
}

// memory of the machine, as far as the kernel says.
func memory() string {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return "an unknown amount"
	}
	var kib int64
	if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kib); err != nil {
		return "an unknown amount"
	}
	return fmt.Sprintf("%d GiB", (kib+1<<19)>>20)
}

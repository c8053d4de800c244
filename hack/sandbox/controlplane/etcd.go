package controlplane

import (
	"context"
	"net/http"
	"strconv"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/process"
)

// quota is how much etcd may hold, enough for a hundred thousand pods.
const quota = 8 << 30

// startEtcd runs etcd and returns its URL.
func (c *ControlPlane) startEtcd(ctx context.Context) (string, error) {
	var client string
	err := process.OnFreePorts(ctx, 2, func(ports []int) error {
		client = "http://" + process.Loopback(ports[0])
		peer := "http://" + process.Loopback(ports[1])
		ready := func(ctx context.Context) error { return process.AnswersOK(ctx, http.DefaultClient, client+"/readyz") }
		return c.run(ctx, ready, "etcd", c.cfg.Etcd,
			"--data-dir", c.path("etcd"),
			"--listen-client-urls", client,
			"--advertise-client-urls", client,
			"--listen-peer-urls", peer,
			"--initial-advertise-peer-urls", peer,
			"--initial-cluster", "default="+peer,
			// The data need not survive the machine.
			"--unsafe-no-fsync",
			"--quota-backend-bytes", strconv.Itoa(quota),
			"--log-level", "warn",
		)
	})
	return client, err
}

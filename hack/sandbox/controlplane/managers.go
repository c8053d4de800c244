package controlplane

import "context"

// startControllerManager runs the controllers. Nodes are not declared lost for
// as long as a sandbox may be suspended with the machine it runs on.
func (c *ControlPlane) startControllerManager(ctx context.Context) error {
	return c.run(ctx, nil, "kube-controller-manager", c.cfg.Kubernetes,
		"controller-manager",
		"--kubeconfig", c.AdminKubeconfig(),
		"--leader-elect=false",
		"--secure-port", "0",
		"--kube-api-qps", "500",
		"--kube-api-burst", "1000",
		"--root-ca-file", c.path("pki", "ca.crt"),
		"--service-account-private-key-file", c.path("pki", "service-accounts.key"),
		"--cluster-signing-cert-file", c.path("pki", "ca.crt"),
		"--cluster-signing-key-file", c.path("pki", "ca.key"),
		"--node-monitor-grace-period", "10m",
		"--profiling=false",
		"--v", "1",
	)
}

func (c *ControlPlane) startScheduler(ctx context.Context) error {
	return c.run(ctx, nil, "kube-scheduler", c.cfg.Kubernetes,
		"scheduler",
		"--kubeconfig", c.AdminKubeconfig(),
		"--leader-elect=false",
		"--secure-port", "0",
		"--kube-api-qps", "500",
		"--kube-api-burst", "1000",
		"--profiling=false",
		"--v", "1",
	)
}

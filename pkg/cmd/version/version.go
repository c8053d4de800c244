// Package version is the command version.
package version

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/output"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/report"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Options are the command's.
type Options struct {
	Factory *factory.Factory
	Output  *output.Flags
	Client  bool
}

// Answer is the JSON answer.
type Answer struct {
	metav1.TypeMeta `json:",inline"`
	Client          Client `json:"client"`
	// Server is absent with --client.
	Server string `json:"server,omitempty"`
}

// Client is the version of this program.
type Client struct {
	Version   string `json:"version"`
	Commit    string `json:"commit,omitempty"`
	Date      string `json:"date,omitempty"`
	GoVersion string `json:"goVersion"`
	Platform  string `json:"platform"`
}

// New makes the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{Factory: f, Output: output.New(output.Table)}
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version of the plugin and of the cluster",
		Example: `  kubectl istio-cni version

  # Without asking the cluster
  kubectl istio-cni version --client -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Output.Validate(); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.Output.AddTo(cmd)
	cmd.Flags().BoolVar(&o.Client, "client", false, "Only the plugin's own version")
	return cmd
}

func (o *Options) run(ctx context.Context) error {
	answer := Answer{TypeMeta: metav1.TypeMeta{APIVersion: report.APIVersion, Kind: "Version"}, Client: client(o.Factory.Version)}
	var serverErr error
	if !o.Client {
		answer.Server, serverErr = o.server(ctx)
	}
	t := o.Factory.Terminal
	if !o.Output.Human() {
		if err := o.Output.Print(t.Out, answer); err != nil {
			return err
		}
		return serverErr
	}
	fmt.Fprintf(t.Out, "Plugin version: %s\n", answer.Client.Version)
	if answer.Client.Commit != "" {
		fmt.Fprintf(t.Out, "Commit: %s (%s)\n", answer.Client.Commit, answer.Client.Date)
	}
	if answer.Server != "" {
		fmt.Fprintf(t.Out, "Server version: %s\n", answer.Server)
	}
	return serverErr
}

func (o *Options) server(ctx context.Context) (string, error) {
	kubeClient, err := o.Factory.KubeClient()
	if err != nil {
		return "", err
	}
	part := kubeClient.KubernetesVersion(ctx)
	if part.State != snapshot.Read {
		return "", &fail.Error{Attempt: "read the server's version", Cause: fmt.Errorf("%s", part.Reason), Remedy: "use --client to leave the server out"}
	}
	return part.Value, nil
}

func client(version string) Client {
	c := Client{Version: version, GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return c
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			c.Commit = setting.Value
		case "vcs.time":
			c.Date = setting.Value
		}
	}
	return c
}

// Package factory gives commands what they need, made when it is first asked
// for: a command that needs no Azure never looks for a sign-in.
package factory

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/azure"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/observe"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// Factory is what every command is built from.
type Factory struct {
	Terminal *terminal.Terminal
	Kube     *genericclioptions.ConfigFlags
	Azure    AzureFlags
	Version  string
	Getenv   func(string) string
	Now      func() time.Time
}

// AzureFlags say how to reach the cluster's Azure resource where that cannot be
// told from the kube context, or should not be.
type AzureFlags struct {
	ClusterID, Subscription, ResourceGroup, Cluster string
	Cloud, Auth, APIVersion                         string
}

// New makes the factory of the process.
func New(version string) *Factory {
	flags := genericclioptions.NewConfigFlags(true)
	// --cluster names the AKS cluster here; kubectl's flag of that name would be
	// mistaken for it.
	flags.ClusterName = nil
	return &Factory{
		Terminal: terminal.System(os.Getenv), Kube: flags, Version: version,
		Getenv: os.Getenv, Now: time.Now,
	}
}

// AddAzureFlags adds the flags of commands that speak to Azure.
func (f *Factory) AddAzureFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.Azure.ClusterID, "cluster-id", "", "The cluster's Azure resource id, where it cannot be found from the kube context")
	flags.StringVar(&f.Azure.Subscription, "subscription", "", "The cluster's subscription id; with --resource-group and --cluster")
	flags.StringVar(&f.Azure.ResourceGroup, "resource-group", "", "The cluster's resource group; with --subscription and --cluster")
	flags.StringVar(&f.Azure.Cluster, "cluster", "", "The cluster's name in Azure; with --subscription and --resource-group")
	flags.StringVar(&f.Azure.Cloud, "cloud", "", "The Azure cloud: "+strings.Join(azure.CloudNames(), ", ")+", or the path of a definition file")
	flags.StringVar(&f.Azure.Auth, "auth", string(azure.MethodAuto), "The way to sign in to Azure: "+strings.Join(azure.Methods(), ", "))
	flags.StringVar(&f.Azure.APIVersion, "api-version", "", "The api-version to read and write the cluster with, instead of the newest suitable one")
}

// KubeClient makes a client for the chosen context. It sends nothing.
func (f *Factory) KubeClient() (*kube.Client, error) {
	return kube.NewClient(f.Kube, kube.Options{
		UserAgent: fmt.Sprintf("kubectl-istio-cni/%s (%s/%s)", f.Version, goruntime.GOOS, goruntime.GOARCH),
		Warnings:  f.Terminal.Err,
	})
}

// Observer makes an observer of the chosen context.
func (f *Factory) Observer(client *kube.Client, progress func(string)) (*observe.Observer, error) {
	named, err := f.Azure.identity()
	if err != nil {
		return nil, err
	}
	if f.Azure.Auth != "" && !slices.Contains(azure.Methods(), f.Azure.Auth) {
		return nil, fail.Usage("--auth %s: use one of %s", f.Azure.Auth, strings.Join(azure.Methods(), ", "))
	}
	if f.Azure.Cloud != "" {
		if _, err := f.cloud(client.Context()); err != nil {
			return nil, err
		}
	}
	return &observe.Observer{
		Kube: client, Now: f.Now, Progress: progress,
		Azure: observe.AzureSource{
			Connect: func(ctx context.Context, subscription string) (*azure.Client, azure.Cloud, error) {
				return f.connect(ctx, client.Context(), subscription, progress)
			},
			Named: named, APIVersion: f.Azure.APIVersion,
		},
	}, nil
}

// identity is the cluster that the flags name, nil if they name none.
func (a AzureFlags) identity() (*snapshot.Identity, error) {
	parts := []string{a.Subscription, a.ResourceGroup, a.Cluster}
	given := 0
	for _, part := range parts {
		if part != "" {
			given++
		}
	}
	switch {
	case a.ClusterID != "" && given > 0:
		return nil, fail.Usage("use either --cluster-id or --subscription, --resource-group and --cluster")
	case a.ClusterID != "":
		identity, err := azure.ParseClusterID(a.ClusterID)
		if err != nil {
			return nil, fail.Usage("--cluster-id: %w", err)
		}
		return &identity, nil
	case given == 0:
		return nil, nil //nolint:nilnil // no flag, no identity, no mistake
	case given < len(parts):
		return nil, fail.Usage("--subscription, --resource-group and --cluster belong together")
	}
	identity := azure.ClusterID(a.Subscription, a.ResourceGroup, a.Cluster)
	return &identity, nil
}

// connect signs in to the right cloud.
func (f *Factory) connect(ctx context.Context, kubeContext kube.Context, subscription string, progress func(string)) (*azure.Client, azure.Cloud, error) {
	cloud, err := f.cloud(kubeContext)
	if err != nil {
		return nil, cloud, err
	}
	signIn := azure.SignIn{
		Cloud: cloud, Method: azure.Method(f.Azure.Auth), Subscription: subscription,
		Getenv: f.Getenv, LookPath: exec.LookPath, OnAzureVM: onAzureVM,
		Prompt: func(message string) { f.Terminal.Say("%s", message) },
	}
	if signIn.Method.NeedsTenant() && subscription != "" {
		signIn.Tenant = azure.TenantOf(ctx, cloud, subscription)
	}
	credential, err := signIn.Credential()
	if err != nil {
		return nil, cloud, err
	}
	client, err := azure.NewClient(cloud, credential, azure.ClientOptions{Version: f.Version, Retrying: progress})
	return client, cloud, err
}

func (f *Factory) cloud(kubeContext kube.Context) (azure.Cloud, error) {
	return azure.FindCloud(azure.CloudHints{
		Flag: f.Azure.Cloud, Getenv: f.Getenv, LoginArgs: kubeContext.LoginArgs,
		ServerHost: firstOf(kubeContext.ServerNames), ReadFile: os.ReadFile, AzureConfig: f.azureConfig,
	})
}

func firstOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

// azureConfig is the text of Azure CLI's configuration, "" if there is none.
func (f *Factory) azureConfig() string {
	directory := f.Getenv("AZURE_CONFIG_DIR")
	if directory == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		directory = filepath.Join(home, ".azure")
	}
	text, err := os.ReadFile(filepath.Join(directory, "config"))
	if err != nil {
		return ""
	}
	return string(text)
}

// onAzureVM reads the chassis tag that Azure gives all its virtual machines. It
// is a constant of the platform and is there without asking the network.
func onAzureVM() bool {
	tag, err := os.ReadFile("/sys/class/dmi/id/chassis_asset_tag")
	return err == nil && strings.TrimSpace(string(tag)) == "7783-7084-3265-9085-8269-3286-77"
}

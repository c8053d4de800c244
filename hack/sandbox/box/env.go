package box

import (
	"os"
	"path/filepath"
)

// Env is what a process needs in its environment to use the sandbox by ordinary
// means: the cluster, the simulated cloud, a way to sign in to it, and kubectl.
func (b *Box) Env() []string {
	return []string{
		"KUBECONFIG=" + b.Kubeconfig,
		"AZURE_ENVIRONMENT_FILEPATH=" + b.environmentFile,
		"IDENTITY_ENDPOINT=" + b.AzureURL + "/msi/token",
		"IDENTITY_HEADER=" + b.identityHeader,
		"PATH=" + filepath.Dir(b.Kubectl) + string(os.PathListSeparator) + os.Getenv("PATH"),
	}
}

package azure

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
)

// Cloud is an Azure cloud: where its Resource Manager and its sign-in are.
type Cloud struct {
	Name string
	cloud.Configuration
}

// ResourceManager is the cloud's Resource Manager endpoint, without a final slash.
func (c Cloud) ResourceManager() string {
	return strings.TrimSuffix(c.Services[cloud.ResourceManager].Endpoint, "/")
}

// plainHTTP reports whether the Resource Manager is spoken to without TLS,
// which is allowed on the loopback interface only.
func (c Cloud) plainHTTP() bool { return strings.HasPrefix(c.ResourceManager(), "http://") }

// CloudNames are the names that --cloud takes, besides a definition file.
func CloudNames() []string { return []string{"public", "government", "china"} }

// CloudHints is where the name of the cloud may be found.
type CloudHints struct {
	// Flag is the value of --cloud: a name or a definition file.
	Flag string
	// Getenv reads the environment.
	Getenv func(string) string
	// LoginArgs are the arguments of the kubeconfig's credential plugin, where
	// kubelogin is told its --environment.
	LoginArgs []string
	// ServerHost is the API server's host name.
	ServerHost string
	// ReadFile reads a definition file; AzureConfig is the text of ~/.azure/config.
	ReadFile    func(string) ([]byte, error)
	AzureConfig func() string
}

// FindCloud decides which Azure cloud to speak to. What a person said outright
// comes before what can be told from the surroundings; with no hint at all it is
// the public cloud.
func FindCloud(h CloudHints) (Cloud, error) {
	if h.Flag != "" {
		return cloudFromFlag(h)
	}
	if path := h.Getenv("AZURE_ENVIRONMENT_FILEPATH"); path != "" {
		return cloudFromFile(path, "AZURE_ENVIRONMENT_FILEPATH", h.ReadFile)
	}
	for _, name := range []string{"AZURE_CLOUD", "AZURE_ENVIRONMENT"} {
		if value := h.Getenv(name); value != "" {
			found, ok := namedCloud(value)
			if !ok {
				return Cloud{}, unknownCloud(name+"="+value, "")
			}
			return found, nil
		}
	}
	for _, value := range []string{loginEnvironment(h.LoginArgs), cloudOfHost(h.ServerHost), configuredCloud(h.AzureConfig())} {
		if found, ok := namedCloud(value); ok {
			return found, nil
		}
	}
	public, _ := namedCloud("public")
	return public, nil
}

func cloudFromFlag(h CloudHints) (Cloud, error) {
	if found, ok := namedCloud(h.Flag); ok {
		return found, nil
	}
	if !strings.ContainsAny(h.Flag, `./\`) {
		return Cloud{}, unknownCloud("--cloud "+h.Flag, ", or the path of a definition file")
	}
	return cloudFromFile(h.Flag, "--cloud", h.ReadFile)
}

func unknownCloud(given, alternative string) error {
	return fail.Usage("%s: no such cloud; known are %s%s", given, strings.Join(CloudNames(), ", "), alternative)
}

// namedCloud knows the spellings of Azure's own tools besides ours.
func namedCloud(name string) (Cloud, bool) {
	switch strings.ToLower(name) {
	case "public", "azurecloud", "azurepublic", "azurepubliccloud":
		return Cloud{"public", cloud.AzurePublic}, true
	case "government", "azuregovernment", "azureusgovernment", "azureusgovernmentcloud":
		return Cloud{"government", cloud.AzureGovernment}, true
	case "china", "azurechina", "azurechinacloud":
		return Cloud{"china", cloud.AzureChina}, true
	}
	return Cloud{}, false
}

// loginEnvironment is kubelogin's --environment in a kubeconfig's exec section.
func loginEnvironment(args []string) string {
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--environment="); ok {
			return value
		}
		if (arg == "--environment" || arg == "-e") && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// cloudOfHost tells a cloud from the host names that AKS gives its API servers.
func cloudOfHost(host string) string {
	switch {
	case strings.HasSuffix(host, ".azmk8s.io"):
		return "public"
	case strings.HasSuffix(host, ".cx.aks.containerservice.azure.us"):
		return "government"
	case strings.HasSuffix(host, ".cx.prod.service.azk8s.cn"):
		return "china"
	}
	return ""
}

// configuredCloud is the value of name in the section [cloud] of Azure CLI's
// configuration.
func configuredCloud(config string) string {
	section := ""
	for line := range strings.Lines(config) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		if key, value, ok := strings.Cut(line, "="); ok && section == "cloud" && strings.TrimSpace(key) == "name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// cloudFromFile reads a definition in the Azure environment JSON that other
// Azure tools read too.
func cloudFromFile(path, source string, read func(string) ([]byte, error)) (Cloud, error) {
	attempt := fmt.Sprintf("read the cloud definition %s (from %s)", path, source)
	text, err := read(path)
	if err != nil {
		return Cloud{}, fail.To(attempt, err)
	}
	var definition struct {
		Name                    string `json:"name"`
		ResourceManagerEndpoint string `json:"resourceManagerEndpoint"`
		ActiveDirectoryEndpoint string `json:"activeDirectoryEndpoint"`
		TokenAudience           string `json:"tokenAudience"`
	}
	if err := json.Unmarshal(text, &definition); err != nil {
		return Cloud{}, fail.To(attempt, err)
	}
	if err := checkEndpoint("resourceManagerEndpoint", definition.ResourceManagerEndpoint); err != nil {
		return Cloud{}, fail.To(attempt, err)
	}
	if definition.ActiveDirectoryEndpoint != "" {
		if err := checkEndpoint("activeDirectoryEndpoint", definition.ActiveDirectoryEndpoint); err != nil {
			return Cloud{}, fail.To(attempt, err)
		}
	}
	if definition.Name == "" {
		definition.Name = path
	}
	if definition.TokenAudience == "" {
		definition.TokenAudience = definition.ResourceManagerEndpoint
	}
	return Cloud{definition.Name, cloud.Configuration{
		ActiveDirectoryAuthorityHost: definition.ActiveDirectoryEndpoint,
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: definition.ResourceManagerEndpoint, Audience: definition.TokenAudience},
		},
	}}, nil
}

// checkEndpoint makes sure that a token is never sent over the network in the
// clear.
func checkEndpoint(member, endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case endpoint == "":
		return fmt.Errorf("%s is missing", member)
	case err != nil:
		return fmt.Errorf("%s: %w", member, err)
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%s %q is not an https URL", member, endpoint)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return errors.New(member + " is plain http, which is allowed to the loopback interface only")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

package arm

import (
	"encoding/base64"
	"fmt"

	"sigs.k8s.io/yaml"
)

// credentials answers listClusterUserCredential with the cluster's kubeconfig.
func (s *Server) credentials(c *call) (reply, error) {
	s.mu.Lock()
	found, err := s.world.cluster(c)
	s.mu.Unlock()
	if err != nil {
		return reply{}, err
	}
	// Azure's CLI sends public; the clusters here have no private name.
	query := c.r.URL.Query()
	if server := query.Get("server-fqdn"); server != "" && server != "public" {
		return reply{}, providerError(400, "BadRequest", "The server-fqdn '%s' is not available for the managed cluster '%s'.", server, found.Name)
	}
	var config []byte
	if found.Kubeconfig != nil {
		config = found.Kubeconfig()
	}
	switch format := query.Get("format"); format {
	case "", "azure":
	case "exec":
		if config, err = withKubelogin(config, s.cfg.Tenant); err != nil {
			return reply{}, err
		}
	default:
		return reply{}, providerError(400, "InvalidParameter", "The value of parameter format is invalid: '%s'. It must be azure or exec.", format)
	}
	return ok(newObject(newMember("kubeconfigs", newArray(newObject(
		newMember("name", newText("clusterUser")),
		newMember("value", newText(base64.StdEncoding.EncodeToString(config))))))))
}

// withKubelogin makes the users of a kubeconfig sign in through kubelogin, as
// format=exec does for clusters with Microsoft Entra ID.
func withKubelogin(config []byte, tenant string) ([]byte, error) {
	var parsed map[string]any
	if err := yaml.Unmarshal(config, &parsed); err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	users, _ := parsed["users"].([]any)
	for _, u := range users {
		if user, isUser := u.(map[string]any); isUser {
			user["user"] = kubelogin(tenant)
		}
	}
	return yaml.Marshal(parsed)
}

// kubelogin is a user that signs in with the ids that AKS's API servers share.
func kubelogin(tenant string) map[string]any {
	return map[string]any{"exec": map[string]any{
		"apiVersion": "client.authentication.k8s.io/v1beta1",
		"command":    "kubelogin",
		"args": []string{
			"get-token", "--environment", "AzurePublicCloud",
			"--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630",
			"--client-id", "80faf920-1908-4b52-b5ef-a8e7bedfc67a",
			"--tenant-id", tenant, "--login", "devicecode",
		},
		"provideClusterInfo": false,
	}}
}

package azure

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
)

// hints are a person's surroundings.
type hints struct {
	flag        string
	environment map[string]string
	login       []string
	server      string
	files       map[string]string
	config      string
}

func (h hints) find() (Cloud, error) {
	return FindCloud(CloudHints{
		Flag: h.flag, Getenv: func(name string) string { return h.environment[name] }, LoginArgs: h.login, ServerHost: h.server,
		ReadFile: func(path string) ([]byte, error) {
			if text, ok := h.files[path]; ok {
				return []byte(text), nil
			}
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		},
		AzureConfig: func() string { return h.config },
	})
}

func TestFindCloud(t *testing.T) {
	for _, test := range []struct {
		name  string
		hints hints
		want  string
	}{
		{"nothing", hints{}, "public"},
		{"--cloud", hints{flag: "china"}, "china"},
		{"--cloud in another spelling", hints{flag: "AzureUSGovernment"}, "government"},
		{"AZURE_CLOUD", hints{environment: map[string]string{"AZURE_CLOUD": "AzureChinaCloud"}}, "china"},
		{"AZURE_ENVIRONMENT", hints{environment: map[string]string{"AZURE_ENVIRONMENT": "AzureUSGovernmentCloud"}}, "government"},
		{"kubelogin's argument", hints{login: []string{"get-token", "--login", "azurecli", "--environment", "AzureChinaCloud", "--server-id", "x"}}, "china"},
		{"kubelogin's argument in one", hints{login: []string{"get-token", "--environment=AzureUSGovernmentCloud"}}, "government"},
		{"kubelogin's short argument", hints{login: []string{"get-token", "-e", "AzureChinaCloud"}}, "china"},
		{"kubelogin's argument without a value", hints{login: []string{"get-token", "--environment"}}, "public"},
		{"another environment of kubelogin's", hints{login: []string{"--environment", "AzureStackCloud"}, server: "x.cx.prod.service.azk8s.cn"}, "china"},
		{"public server", hints{server: "contoso-1.hcp.westeurope.azmk8s.io", config: "[cloud]\nname = AzureChinaCloud"}, "public"},
		{"private public server", hints{server: "contoso-1.0000.privatelink.westeurope.azmk8s.io"}, "public"},
		{"government server", hints{server: "contoso-1.hcp.usgovvirginia.cx.aks.containerservice.azure.us"}, "government"},
		{"China server", hints{server: "contoso-1.hcp.chinaeast2.cx.prod.service.azk8s.cn"}, "china"},
		{"a name that only ends alike", hints{server: "azmk8s.io.contoso.example"}, "public"},
		{"Azure CLI's configuration", hints{server: "10.0.0.1", config: "[core]\noutput = json\n\n[cloud]\nname = AzureUSGovernment\n[defaults]\nname = AzureChinaCloud\n"}, "government"},
		{"Azure CLI's configuration without blanks", hints{config: "[cloud]\r\nname=AzureChinaCloud\r\n"}, "china"},
		{"Azure CLI's configuration of something else", hints{config: "[defaults]\nname = AzureChinaCloud\n"}, "public"},
		{"a cloud of Azure CLI's that is not known", hints{config: "[cloud]\nname = contoso-stack\n"}, "public"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.hints.find()
			if err != nil || got.Name != test.want {
				t.Errorf("got %q, %v, want %q", got.Name, err, test.want)
			}
		})
	}
}

// Each hint counts only where those before it are silent.
func TestCloudHintsInTheirOrder(t *testing.T) {
	const file = `{"name":"contoso","resourceManagerEndpoint":"https://arm.contoso.example"}`
	all := hints{
		flag: "china",
		environment: map[string]string{
			"AZURE_ENVIRONMENT_FILEPATH": "cloud.json", "AZURE_CLOUD": "AzureUSGovernment", "AZURE_ENVIRONMENT": "AzureChinaCloud",
		},
		files: map[string]string{"cloud.json": file},
		login: []string{"--environment", "AzureUSGovernmentCloud"}, server: "x.cx.prod.service.azk8s.cn", config: "[cloud]\nname = AzureUSGovernment",
	}
	for _, step := range []struct {
		want, silenced string
		silence        func(*hints)
	}{
		{"china", "nothing", func(*hints) {}},
		{"contoso", "--cloud", func(h *hints) { h.flag = "" }},
		{"government", "AZURE_ENVIRONMENT_FILEPATH", func(h *hints) { delete(h.environment, "AZURE_ENVIRONMENT_FILEPATH") }},
		{"china", "AZURE_CLOUD", func(h *hints) { delete(h.environment, "AZURE_CLOUD") }},
		{"government", "AZURE_ENVIRONMENT", func(h *hints) { delete(h.environment, "AZURE_ENVIRONMENT") }},
		{"china", "kubelogin", func(h *hints) { h.login = nil }},
		{"government", "the server's name", func(h *hints) { h.server = "" }},
		{"public", "Azure CLI", func(h *hints) { h.config = "" }},
	} {
		step.silence(&all)
		if got, err := all.find(); err != nil || got.Name != step.want {
			t.Errorf("without %s: got %q, %v, want %q", step.silenced, got.Name, err, step.want)
		}
	}
}

func TestEndpointsOfTheKnownClouds(t *testing.T) {
	for name, want := range map[string]string{
		"public": "https://management.azure.com", "government": "https://management.usgovcloudapi.net", "china": "https://management.chinacloudapi.cn",
	} {
		got, err := hints{flag: name}.find()
		if err != nil || got.ResourceManager() != want || got.plainHTTP() {
			t.Errorf("%s: got %s, %v, want %s", name, got.ResourceManager(), err, want)
		}
	}
	if diff := cmp.Diff([]string{"public", "government", "china"}, CloudNames()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestCloudsThatAreNotKnown(t *testing.T) {
	for name, hints := range map[string]hints{
		"--cloud mars":       {flag: "mars"},
		"AZURE_CLOUD=mars":   {environment: map[string]string{"AZURE_CLOUD": "mars"}},
		"AZURE_ENVIRONMENT=": {environment: map[string]string{"AZURE_ENVIRONMENT": "mars"}},
	} {
		_, err := hints.find()
		if fail.ExitCode(err) != fail.ExitUsage || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "public, government, china") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestCloudDefinitionFiles(t *testing.T) {
	const whole = `{"name":"contoso","resourceManagerEndpoint":"https://arm.contoso.example/","activeDirectoryEndpoint":"https://login.contoso.example/","tokenAudience":"https://arm.contoso.example","portalURL":"https://portal.contoso.example"}`
	definition := func(resourceManager string) string {
		return `{"resourceManagerEndpoint":"` + resourceManager + `"}`
	}
	for _, test := range []struct {
		name, text string
		want       Cloud
		endpoint   string
		plain      bool
	}{
		{"whole", whole, Cloud{"contoso", cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.contoso.example/", Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: "https://arm.contoso.example/", Audience: "https://arm.contoso.example"}}}}, "https://arm.contoso.example", false},
		{"only what is needed", definition("https://arm.contoso.example"), Cloud{"./cloud.json", cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: "https://arm.contoso.example", Audience: "https://arm.contoso.example"}}}}, "https://arm.contoso.example", false},
		{"plain http to loopback", definition("http://127.0.0.1:8443/"), Cloud{"./cloud.json", cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: "http://127.0.0.1:8443/", Audience: "http://127.0.0.1:8443/"}}}}, "http://127.0.0.1:8443", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			for source, hints := range map[string]hints{
				"--cloud":                    {flag: "./cloud.json"},
				"AZURE_ENVIRONMENT_FILEPATH": {environment: map[string]string{"AZURE_ENVIRONMENT_FILEPATH": "./cloud.json"}},
			} {
				hints.files = map[string]string{"./cloud.json": test.text}
				got, err := hints.find()
				if err != nil {
					t.Fatalf("%s: %v", source, err)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("%s: (-want +got):\n%s", source, diff)
				}
				if got.ResourceManager() != test.endpoint || got.plainHTTP() != test.plain {
					t.Errorf("%s: endpoint %s, plain %v", source, got.ResourceManager(), got.plainHTTP())
				}
			}
		})
	}
}

func TestEndpointsThatATokenMayBeSentTo(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://arm.contoso.example":        "",
		"https://10.0.0.1:8443/arm":          "",
		"http://127.0.0.1:8080":              "",
		"http://127.8.8.8":                   "",
		"http://[::1]:8080":                  "",
		"http://localhost:8080":              "",
		"":                                   "is missing",
		"http://arm.contoso.example":         "plain http",
		"http://10.0.0.1":                    "plain http",
		"http://0.0.0.0":                     "plain http",
		"http://127.0.0.1.contoso.example":   "plain http",
		"http://localhost.contoso.example":   "plain http",
		"http://localhost@contoso.example":   "plain http",
		"http://127.0.0.1:80@contoso.exmple": "plain http",
		"HTTP://contoso.example":             "plain http",
		"arm.contoso.example":                "not an https URL",
		"//arm.contoso.example":              "not an https URL",
		"https:///subscriptions":             "not an https URL",
		"file:///etc/passwd":                 "not an https URL",
		"ftp://127.0.0.1":                    "not an https URL",
		"https://[::1":                       "missing ']'",
	} {
		for member, text := range map[string]string{
			"resourceManagerEndpoint": `{"resourceManagerEndpoint":"` + endpoint + `"}`,
			"activeDirectoryEndpoint": `{"resourceManagerEndpoint":"https://arm.contoso.example","activeDirectoryEndpoint":"` + endpoint + `"}`,
		} {
			if member == "activeDirectoryEndpoint" && endpoint == "" {
				continue // It is only needed by some ways to sign in.
			}
			_, err := hints{flag: "./c", files: map[string]string{"./c": text}}.find()
			switch {
			case want == "" && err != nil:
				t.Errorf("%s %s: %v", member, endpoint, err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), member)):
				t.Errorf("%s %s: got %v, want %q", member, endpoint, err, want)
			}
		}
	}
}

func TestCloudDefinitionFilesThatCannotBeRead(t *testing.T) {
	_, err := hints{flag: "./missing.json"}.find()
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "cannot read the cloud definition ./missing.json (from --cloud)") {
		t.Errorf("missing: got %v", err)
	}
	for name, text := range map[string]string{"empty": "", "not JSON": "name: contoso", "another type": `["contoso"]`, "a member of another type": `{"resourceManagerEndpoint":7}`} {
		_, err := hints{environment: map[string]string{"AZURE_ENVIRONMENT_FILEPATH": "c"}, files: map[string]string{"c": text}}.find()
		if err == nil || !strings.Contains(err.Error(), "cannot read the cloud definition c (from AZURE_ENVIRONMENT_FILEPATH)") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

package azure

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
)

// surroundings are where a person signs in from.
func surroundings(environment map[string]string, programs []string, onAzureVM bool) SignIn {
	return SignIn{
		Method: MethodAuto, Getenv: func(name string) string { return environment[name] },
		LookPath: func(name string) (string, error) {
			for _, program := range programs {
				if program == name {
					return "/usr/bin/" + name, nil
				}
			}
			return "", errors.New("not found")
		},
		OnAzureVM: func() bool { return onAzureVM },
	}
}

func TestWaysToSignInThatCanWorkHere(t *testing.T) {
	type env = map[string]string
	for _, test := range []struct {
		name        string
		environment env
		programs    []string
		onAzureVM   bool
		want        []Method
	}{
		{"nothing", nil, nil, false, nil},
		{"az", nil, []string{"az"}, false, []Method{MethodCLI}},
		{"azd", nil, []string{"azd"}, false, []Method{MethodAZD}},
		{"az before azd", nil, []string{"azd", "az"}, false, []Method{MethodCLI, MethodAZD}},
		{"a secret", env{"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}, nil, false, []Method{MethodEnv}},
		{"a certificate", env{"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_CERTIFICATE_PATH": "p"}, nil, false, []Method{MethodEnv}},
		{"a secret without a tenant", env{"AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}, nil, false, nil},
		{"a principal without a secret", env{"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c"}, []string{"az"}, false, []Method{MethodCLI}},
		{"workload identity", env{"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_FEDERATED_TOKEN_FILE": "f"}, nil, false, []Method{MethodWorkload}},
		{"App Service", env{"IDENTITY_ENDPOINT": "http://127.0.0.1:1", "IDENTITY_HEADER": "h"}, nil, false, []Method{MethodManaged}},
		{"Cloud Shell, with az", env{"MSI_ENDPOINT": "http://127.0.0.1:1"}, []string{"az"}, false, []Method{MethodManaged, MethodCLI}},
		{"a virtual machine in Azure", nil, nil, true, []Method{MethodManaged}},
		{"a virtual machine in Azure, where somebody is signed in: no time is lost asking the machine", nil, []string{"az"}, true, []Method{MethodCLI}},
		{"all at once", env{
			"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s", "AZURE_FEDERATED_TOKEN_FILE": "f", "IDENTITY_ENDPOINT": "http://127.0.0.1:1",
		}, []string{"az", "azd"}, true, []Method{MethodEnv, MethodWorkload, MethodManaged, MethodCLI, MethodAZD}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, surroundings(test.environment, test.programs, test.onAzureVM).usable()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNobodySignedIn(t *testing.T) {
	_, err := surroundings(nil, nil, false).Credential()
	if !IsDenied(err) || !strings.Contains(err.Error(), "nothing on this machine is signed in") || !strings.Contains(fail.Remedy(err), "az login") {
		t.Errorf("got %v (%q)", err, fail.Remedy(err))
	}
}

func TestWaysToSignInThatDoNotExist(t *testing.T) {
	signIn := surroundings(nil, nil, false)
	signIn.Method = "carrier-pigeon"
	_, err := signIn.Credential()
	if fail.ExitCode(err) != fail.ExitUsage || !strings.Contains(err.Error(), "known are "+strings.Join(Methods(), ", ")) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"auto", "env", "workload", "managed", "az", "azd", "device", "browser"}, Methods()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWaysToSignInThatNeedTheTenant(t *testing.T) {
	for method, want := range map[Method]bool{
		MethodAuto: false, MethodEnv: false, MethodWorkload: false, MethodManaged: false, MethodCLI: false, MethodAZD: true, MethodDevice: true, MethodBrowser: true,
	} {
		if got := method.NeedsTenant(); got != want {
			t.Errorf("%s: got %v, want %v", method, got, want)
		}
	}
}

const identityHeader = "contoso-identity-header"

// identityService plays the managed identity of an App Service, and asks it for
// a token. Tokens are cached for the whole process, by audience.
func identityService(t *testing.T, audience string, handler http.HandlerFunc) (token string, err error) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	t.Setenv("IDENTITY_ENDPOINT", server.URL+"/msi/token")
	t.Setenv("IDENTITY_HEADER", identityHeader)
	signIn := surroundings(map[string]string{"IDENTITY_ENDPOINT": server.URL, "IDENTITY_HEADER": identityHeader}, nil, false)
	signIn.Cloud = cloudAt(armEndpoint)
	credential, err := signIn.Credential()
	if err != nil {
		t.Fatal(err)
	}
	access, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{audience + "/.default"}})
	return access.Token, err
}

func TestManagedIdentity(t *testing.T) {
	token, err := identityService(t, armEndpoint, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Identity-Header") != identityHeader || r.URL.Query().Get("resource") != armEndpoint {
			t.Errorf("asked %s with %v", r.URL, r.Header)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token":"` + theToken + `","expires_on":"4102444800","resource":"` + armEndpoint + `","token_type":"Bearer"}`))
	})
	if err != nil || token != theToken {
		t.Errorf("got %q, %v", token, err)
	}
}

func TestAManagedIdentityThatRefuses(t *testing.T) {
	_, err := identityService(t, "https://refused.contoso.example", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"statusCode":400,"message":"No managed identity was found."}`))
	})
	if !IsDenied(err) || !strings.HasPrefix(err.Error(), "the sign-in failed: ") || !strings.Contains(err.Error(), "No managed identity was found.") {
		t.Fatalf("got %v", err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than a line: %q", err)
	}
	if strings.Contains(err.Error(), identityHeader) {
		t.Errorf("a secret is shown: %v", err)
	}
}

func TestSignInErrorsAreOneLine(t *testing.T) {
	err := &SignInError{errors.New("ChainedTokenCredential: failed to acquire a token.\nAttempted credentials:\n\tAzureCLICredential: Please run 'az login'\n\tAzureDeveloperCLICredential: not logged in")}
	const want = "the sign-in failed: AzureCLICredential: Please run 'az login' AzureDeveloperCLICredential: not logged in"
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// An interruption is not a failure to sign in.
func TestInterruptedSignIn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := signedIn{credential{context.Canceled}}.GetToken(ctx, policy.TokenRequestOptions{})
	if IsDenied(err) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTenantFromChallenge(t *testing.T) {
	const tenant = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	for _, test := range []struct{ name, challenge, want string }{
		{"Resource Manager", `Bearer authorization_uri="https://login.windows.net/` + tenant + `", error="invalid_token", error_description="The authentication failed because of missing 'Authorization' header."`, tenant},
		{"in another cloud", `Bearer authorization_uri="https://login.chinacloudapi.cn/` + tenant + `"`, tenant},
		{"a slash at the end", `Bearer authorization="https://login.microsoftonline.com/` + tenant + `/", resource="https://management.azure.com"`, tenant},
		{"behind other members", `Bearer realm="", authorization_uri="https://login.windows.net/` + tenant + `"`, tenant},
		{"none", "", ""},
		{"another scheme", `Basic realm="contoso"`, ""},
		{"empty", `Bearer authorization_uri=""`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := tenantFromChallenge(test.challenge); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestTenantOf(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/subscriptions/"+subscription || r.Header.Get("Authorization") != "" {
			t.Errorf("asked %s with %v", r.URL, r.Header)
		}
		w.Header().Set("WWW-Authenticate", `Bearer authorization_uri="https://login.windows.net/contoso-tenant"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	if got := TenantOf(t.Context(), cloudAt(server.URL), subscription); got != "contoso-tenant" {
		t.Errorf("got %q", got)
	}
	server.Close()
	if got := TenantOf(t.Context(), cloudAt(server.URL), subscription); got != "" {
		t.Errorf("nobody there, and yet %q", got)
	}
	if got := TenantOf(t.Context(), cloudAt("::"), subscription); got != "" {
		t.Errorf("no URL, and yet %q", got)
	}
}

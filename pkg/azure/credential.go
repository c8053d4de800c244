package azure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
)

// Method is a way to sign in to Azure.
type Method string

// The ways, in the order in which MethodAuto considers those that do not ask.
const (
	MethodAuto     Method = "auto"
	MethodEnv      Method = "env"
	MethodWorkload Method = "workload"
	MethodManaged  Method = "managed"
	MethodCLI      Method = "az"
	MethodAZD      Method = "azd"
	MethodDevice   Method = "device"
	MethodBrowser  Method = "browser"
)

// Methods lists the values of --auth.
func Methods() []string {
	return []string{
		string(MethodAuto), string(MethodEnv), string(MethodWorkload), string(MethodManaged),
		string(MethodCLI), string(MethodAZD), string(MethodDevice), string(MethodBrowser),
	}
}

// SignInError means that no token could be had: nothing on this machine can sign
// in, or what can was refused.
type SignInError struct{ Cause error }

// Error is one line, though azidentity reports on each credential that it tried
// in one of its own.
func (e *SignInError) Error() string {
	text := e.Cause.Error()
	for _, preamble := range []string{"ChainedTokenCredential: failed to acquire a token.", "Attempted credentials:"} {
		text = strings.Replace(text, preamble, "", 1)
	}
	words := slices.DeleteFunc(strings.Fields(text), func(word string) bool { return strings.Trim(word, "-") == "" })
	return "the sign-in failed: " + strings.Join(words, " ")
}

// Unwrap gives azidentity's error.
func (e *SignInError) Unwrap() error { return e.Cause }

const signInRemedy = "sign in, for instance with `az login`, or choose another way with --auth"

// signedIn marks the errors of a credential as failures to sign in, which
// azidentity has several types for, not all of them exported.
type signedIn struct{ azcore.TokenCredential }

func (s signedIn) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := s.TokenCredential.GetToken(ctx, options)
	if err != nil && ctx.Err() == nil {
		err = &SignInError{err}
	}
	return token, err
}

// SignIn says how to sign in.
type SignIn struct {
	Cloud  Cloud
	Method Method
	// Subscription whose tenant to sign in to; "" where it is not known yet.
	Subscription string
	// Tenant of that subscription, "" if unknown. Only ways of signing in that do
	// not know the tenant by themselves use it.
	Tenant string
	// Surroundings of the program.
	Getenv   func(string) string
	LookPath func(string) (string, error)
	// OnAzureVM reports whether this machine is a virtual machine in Azure.
	OnAzureVM func() bool
	// Prompt shows a person what to do for a device-code sign-in.
	Prompt func(message string)
}

// Credential builds the credential. Ways that cannot work here are left out
// without being tried, so that no time is lost waiting for them.
func (s SignIn) Credential() (azcore.TokenCredential, error) {
	if s.Method != MethodAuto && s.Method != "" {
		credential, err := s.credential(s.Method)
		return signedIn{credential}, fail.To(fmt.Sprintf("sign in to Azure by %s", s.Method), err)
	}
	var sources []azcore.TokenCredential
	for _, method := range s.usable() {
		if credential, err := s.credential(method); err == nil {
			sources = append(sources, credential)
		}
	}
	if len(sources) == 0 {
		return nil, &fail.Error{
			Attempt: "sign in to Azure",
			Cause:   &SignInError{errors.New("nothing on this machine is signed in (looked for environment variables, workload and managed identity, az and azd)")},
			Remedy:  signInRemedy,
		}
	}
	chain, err := azidentity.NewChainedTokenCredential(sources, nil)
	return signedIn{chain}, fail.To("sign in to Azure", err)
}

// usable are the ways that this machine is prepared for.
func (s SignIn) usable() []Method {
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return s.Getenv(name) == "" })
	}
	onPath := func(program string) bool {
		_, err := s.LookPath(program)
		return err == nil
	}
	principal := has("AZURE_TENANT_ID", "AZURE_CLIENT_ID")
	var methods []Method
	add := func(m Method, ok bool) {
		if ok {
			methods = append(methods, m)
		}
	}
	add(MethodEnv, principal && (has("AZURE_CLIENT_SECRET") || has("AZURE_CLIENT_CERTIFICATE_PATH")))
	add(MethodWorkload, principal && has("AZURE_FEDERATED_TOKEN_FILE"))
	add(MethodManaged, has("IDENTITY_ENDPOINT") || has("MSI_ENDPOINT"))
	add(MethodCLI, onPath("az"))
	add(MethodAZD, onPath("azd"))
	add(MethodManaged, len(methods) == 0 && s.OnAzureVM())
	return methods
}

func (s SignIn) credential(method Method) (azcore.TokenCredential, error) {
	options := azcore.ClientOptions{Cloud: s.Cloud.Configuration}
	switch method {
	case MethodEnv:
		return azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{ClientOptions: options})
	case MethodWorkload:
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: options})
	case MethodManaged:
		managed := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
		if id := s.Getenv("AZURE_CLIENT_ID"); id != "" {
			managed.ID = azidentity.ClientID(id)
		}
		return azidentity.NewManagedIdentityCredential(managed)
	case MethodCLI:
		return azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{Subscription: s.Subscription})
	case MethodAZD:
		return azidentity.NewAzureDeveloperCLICredential(&azidentity.AzureDeveloperCLICredentialOptions{TenantID: s.Tenant})
	case MethodDevice:
		return azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{
			ClientOptions: options, TenantID: s.Tenant,
			UserPrompt: func(_ context.Context, m azidentity.DeviceCodeMessage) error {
				s.Prompt(m.Message)
				return nil
			},
		})
	case MethodBrowser:
		return azidentity.NewInteractiveBrowserCredential(&azidentity.InteractiveBrowserCredentialOptions{
			ClientOptions: options, TenantID: s.Tenant,
		})
	default:
	}
	return nil, fail.Usage("--auth %s: no such way to sign in; known are %s", method, strings.Join(Methods(), ", "))
}

// NeedsTenant reports whether the method has to be told the tenant of the
// subscription, because it would sign in to a person's home tenant otherwise.
func (m Method) NeedsTenant() bool {
	return m == MethodAZD || m == MethodDevice || m == MethodBrowser
}

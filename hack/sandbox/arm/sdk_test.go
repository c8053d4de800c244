package arm

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azurearm "github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	azto "github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/containerservice/armcontainerservice/v9"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armfeatures"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armresources"
)

// These tests show the simulator to clients that nobody here wrote: Azure's
// typed SDK, signed in through azidentity as on App Service.

// sdk is the SDK, set up for a simulator.
type sdk struct {
	*azure
	clusters  *armcontainerservice.ManagedClustersClient
	features  *armfeatures.Client
	providers *armresources.ProvidersClient
	groups    *armresources.ResourceGroupsClient
}

func startSDK(t *testing.T, changes ...func(*Config)) *sdk {
	t.Helper()
	a := start(t, changes...)
	t.Setenv("IDENTITY_ENDPOINT", a.url+"/msi/token")
	t.Setenv("IDENTITY_HEADER", "contoso-secret")
	client := policy.ClientOptions{
		Cloud: cloud.Configuration{
			ActiveDirectoryAuthorityHost: a.url,
			Services:                     map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Endpoint: a.url, Audience: a.url}},
		},
		InsecureAllowCredentialWithHTTP: true,
		Retry:                           policy.RetryOptions{RetryDelay: time.Millisecond, MaxRetryDelay: 5 * time.Millisecond},
	}
	credential, err := azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: client})
	must(t, err)
	options := &azurearm.ClientOptions{ClientOptions: client, DisableRPRegistration: true}
	s := &sdk{azure: a}
	s.clusters, err = armcontainerservice.NewManagedClustersClient(testSubscription, credential, options)
	must(t, err)
	s.features, err = armfeatures.NewClient(testSubscription, credential, options)
	must(t, err)
	s.providers, err = armresources.NewProvidersClient(testSubscription, credential, options)
	must(t, err)
	s.groups, err = armresources.NewResourceGroupsClient(testSubscription, credential, options)
	must(t, err)
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *sdk) read() armcontainerservice.ManagedCluster {
	s.t.Helper()
	got, err := s.clusters.Get(s.t.Context(), "rg-contoso", "aks-contoso", nil)
	must(s.t, err)
	return got.ManagedCluster
}

// write sends a cluster as it was read, without its eTags and with a mechanism.
func (s *sdk) write(c armcontainerservice.ManagedCluster, mechanism armcontainerservice.ProxyRedirectionMechanism) (*runtime.Poller[armcontainerservice.ManagedClustersClientCreateOrUpdateResponse], error) {
	options := &armcontainerservice.ManagedClustersClientBeginCreateOrUpdateOptions{IfMatch: c.ETag}
	c.ETag = nil
	for _, pool := range c.Properties.AgentPoolProfiles {
		pool.ETag = nil
	}
	c.Properties.ServiceMeshProfile.Istio.Components.ProxyRedirectionMechanism = &mechanism
	return s.clusters.BeginCreateOrUpdate(s.t.Context(), "rg-contoso", "aks-contoso", c, options)
}

func TestSDKReads(t *testing.T) {
	s := startSDK(t)
	c := s.read()
	equal(t, "id", strings.EqualFold(*c.ID, clusterPath), true)
	equal(t, "eTag", *c.ETag, s.stored("eTag"))
	equal(t, "state", *c.Properties.ProvisioningState, "Succeeded")
	equal(t, "power", *c.Properties.PowerState.Code, armcontainerservice.CodeRunning)
	equal(t, "version", *c.Properties.CurrentKubernetesVersion, "1.35.4")
	equal(t, "mode", *c.Properties.ServiceMeshProfile.Mode, armcontainerservice.ServiceMeshModeIstio)
	equal(t, "revision", *c.Properties.ServiceMeshProfile.Istio.Revisions[0], "asm-1-27")
	equal(t, "mechanism", *c.Properties.ServiceMeshProfile.Istio.Components.ProxyRedirectionMechanism, armcontainerservice.ProxyRedirectionMechanismInitContainers)
	pool := c.Properties.AgentPoolProfiles[0]
	equal(t, "image", *pool.NodeImageVersion, "AKSAzureLinux-V3gen2-202604.13.0")
	equal(t, "price", *pool.SpotMaxPrice, -1)
	equal(t, "count", *pool.Count, 3)
	equal(t, "tag", *c.Tags["costCentre"], "4711")
}

func TestSDKLists(t *testing.T) {
	s := startSDK(t, withFleet)
	all, err := s.clusters.NewListPager(nil).NextPage(t.Context())
	must(t, err)
	equal(t, "clusters", len(all.Value), 1)
	inGroup, err := s.clusters.NewListByResourceGroupPager("rg-contoso", nil).NextPage(t.Context())
	must(t, err)
	equal(t, "clusters of the group", *inGroup.Value[0].Name, "aks-contoso")
	groups, err := s.groups.NewListPager(nil).NextPage(t.Context())
	must(t, err)
	equal(t, "groups", len(groups.Value), 2)
	features, err := s.features.NewListPager("Microsoft.ContainerService", nil).NextPage(t.Context())
	must(t, err)
	equal(t, "a feature", *features.Value[2].Name, "Microsoft.ContainerService/IstioCNIPreview")
}

func TestSDKSwitches(t *testing.T) {
	followed := &recorder{}
	s := startSDK(t, followed.follows)
	before := s.read()
	poller, err := s.write(before, armcontainerservice.ProxyRedirectionMechanismCNIChaining)
	must(t, err)
	result, err := poller.PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: time.Second})
	must(t, err)
	equal(t, "mechanism", *result.Properties.ServiceMeshProfile.Istio.Components.ProxyRedirectionMechanism, armcontainerservice.ProxyRedirectionMechanismCNIChaining)
	equal(t, "state", *result.Properties.ProvisioningState, "Succeeded")
	equal(t, "eTag changed", *result.ETag != *before.ETag, true)
	equal(t, "reconciled", strings.Join(followed.seen(), " "), CNIChaining)
	equal(t, "if-match", slices.IndexFunc(s.Requests(), func(r Request) bool { return r.IfMatch != "" && r.Operation == opPutCluster }) >= 0, true)

	// A typed client loses what it does not know. That is why nothing should be
	// written with one.
	equal(t, "unknown to the SDK", s.stored("properties", "controlPlaneShape"), "")
	equal(t, "known to the SDK", s.stored("properties", "networkProfile", "dnsServiceIP"), "192.0.2.138")
	equal(t, "read-only", s.stored("properties", "resourceUID"), *before.Properties.ResourceUID)

	// With the eTag of before, the same write is refused now.
	_, err = s.write(before, armcontainerservice.ProxyRedirectionMechanismInitContainers)
	var refused *azcore.ResponseError
	if !errors.As(err, &refused) || refused.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("the error is %v", err)
	}
}

func TestSDKErrors(t *testing.T) {
	for _, test := range []struct {
		name, setup string
		scenario    string
		mechanism   armcontainerservice.ProxyRedirectionMechanism
		stale       bool
		status      int
		code        string
	}{
		{name: "flat", mechanism: "Ambient", status: 400, code: "InvalidParameter"},
		{name: "stale eTag", mechanism: CNIChaining, stale: true, status: 412, code: "PreConditionFailed"},
		{name: "stopped", mechanism: CNIChaining, scenario: ScenarioStopped, status: 400, code: "BadRequest"},
		{name: "wrapped", mechanism: CNIChaining, setup: "put-cluster:forbidden", status: 403, code: "AuthorizationFailed"},
		{name: "conflict", mechanism: CNIChaining, setup: "put-cluster:etag-mismatch", status: 409, code: "EtagMismatch"},
		{name: "expired token", mechanism: CNIChaining, setup: "put-cluster:expired-token:times=always", status: 401, code: "ExpiredAuthenticationToken"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := startSDK(t)
			if test.setup != "" {
				must(t, s.AddFaults(test.setup))
			}
			if test.scenario != "" {
				must(t, s.SetScenarios(test.scenario))
			}
			c := s.read()
			if test.stale {
				c.ETag = azto.Ptr(newGUID())
			}
			_, err := s.write(c, test.mechanism)
			var refused *azcore.ResponseError
			if !errors.As(err, &refused) {
				t.Fatalf("the error is %v", err)
			}
			equal(t, "status", refused.StatusCode, test.status)
			equal(t, "code", refused.ErrorCode, test.code)
		})
	}
}

// The SDK's own retries meet throttling and faults that pass.
func TestSDKRetries(t *testing.T) {
	s := startSDK(t, withFaults("get-cluster:status=503:times=2", "get-cluster:status=429:retry-after=0"))
	s.read()
	var statuses []int
	for _, r := range s.Requests() {
		if r.Operation == opGetCluster {
			statuses = append(statuses, r.Status)
		}
	}
	equal(t, "requests", slices.Equal(statuses, []int{503, 503, 429, 200}), true)
}

func TestSDKSeesAFailedOperation(t *testing.T) {
	s := startSDK(t, withFaults("operation:failed:code=NodeImageFault"))
	poller, err := s.write(s.read(), armcontainerservice.ProxyRedirectionMechanismCNIChaining)
	must(t, err)
	_, err = poller.PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: time.Second})
	var failed *azcore.ResponseError
	if !errors.As(err, &failed) || failed.ErrorCode != "NodeImageFault" {
		t.Errorf("the error is %v", err)
	}
}

func TestSDKAborts(t *testing.T) {
	s := startSDK(t, withFaults("operation:never"))
	_, err := s.write(s.read(), armcontainerservice.ProxyRedirectionMechanismCNIChaining)
	must(t, err)
	poller, err := s.clusters.BeginAbortLatestOperation(t.Context(), "rg-contoso", "aks-contoso", nil)
	must(t, err)
	_, err = poller.PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: time.Second})
	must(t, err)
	equal(t, "state", *s.read().Properties.ProvisioningState, "Canceled")
}

func TestSDKRegisters(t *testing.T) {
	s := startSDK(t, withScenario(ScenarioUnregistered))
	provider, err := s.providers.Get(t.Context(), "Microsoft.ContainerService", nil)
	must(t, err)
	equal(t, "provider", *provider.RegistrationState, "NotRegistered")
	equal(t, "newest", *provider.ResourceTypes[0].APIVersions[0], stable)
	registering, err := s.providers.Register(t.Context(), "Microsoft.ContainerService", nil)
	must(t, err)
	equal(t, "provider", *registering.RegistrationState, "Registering")

	feature, err := s.features.Register(t.Context(), "Microsoft.ContainerService", "IstioCNIPreview", nil)
	must(t, err)
	equal(t, "feature", *feature.Properties.State, "Registering")
	s.pass(5 * time.Minute)
	got, err := s.features.Get(t.Context(), "Microsoft.ContainerService", "IstioCNIPreview", nil)
	must(t, err)
	equal(t, "feature", *got.Properties.State, "Registered")
	removed, err := s.features.Unregister(t.Context(), "Microsoft.ContainerService", "IstioCNIPreview", nil)
	must(t, err)
	equal(t, "feature", *removed.Properties.State, "Unregistering")
}

func TestSDKReadsWhatBelongsToAMesh(t *testing.T) {
	s := startSDK(t)
	group, err := s.groups.Get(t.Context(), "MC_rg-contoso_aks-contoso_westeurope", nil)
	must(t, err)
	equal(t, "managedBy", strings.EqualFold(*group.ManagedBy, clusterPath), true)
	revisions, err := s.clusters.GetMeshRevisionProfile(t.Context(), "westeurope", "istio", nil)
	must(t, err)
	equal(t, "revisions", len(revisions.Properties.MeshRevisions), len(meshRevisions()))
	upgrades, err := s.clusters.GetMeshUpgradeProfile(t.Context(), "rg-contoso", "aks-contoso", "istio", nil)
	must(t, err)
	equal(t, "upgrade", *upgrades.Properties.Upgrades[0], "asm-1-28")
	list, err := s.clusters.NewListMeshUpgradeProfilesPager("rg-contoso", "aks-contoso", nil).NextPage(t.Context())
	must(t, err)
	equal(t, "upgrade profiles", len(list.Value), 1)
	all, err := s.clusters.NewListMeshRevisionProfilesPager("westeurope", nil).NextPage(t.Context())
	must(t, err)
	equal(t, "revision profiles", len(all.Value), 1)
	credentials, err := s.clusters.ListClusterUserCredentials(t.Context(), "rg-contoso", "aks-contoso",
		&armcontainerservice.ManagedClustersClientListClusterUserCredentialsOptions{Format: azto.Ptr(armcontainerservice.FormatExec)})
	must(t, err)
	if config := string(credentials.Kubeconfigs[0].Value); !strings.Contains(config, "kubelogin") {
		t.Errorf("the kubeconfig is %s", config)
	}
}

// The token that azidentity got is the one that the requests carry.
func TestSDKNeedsItsToken(t *testing.T) {
	s := startSDK(t, withFaults("token:status=400:times=always"))
	_, err := s.clusters.Get(t.Context(), "rg-contoso", "aks-contoso", nil)
	if err == nil {
		t.Fatal("a cluster was read without a token")
	}
	for _, r := range s.Requests() {
		if r.Operation != opToken || r.Status != http.StatusBadRequest {
			t.Errorf("%s was answered with %d", r.Operation, r.Status)
		}
	}
}

// The schema must not refuse what the specification allows, or the simulator
// would be stricter than the service.
func TestSchemaKnowsAllThatTheSDKSends(t *testing.T) {
	var everything armcontainerservice.ManagedCluster
	fill(reflect.ValueOf(&everything).Elem(), nil)
	sent, err := everything.MarshalJSON()
	must(t, err)
	members := 0
	parsed(t, sent).walk("", func(string) { members++ })
	if members < 400 {
		t.Errorf("the SDK sends only %d members", members)
	}
	must(t, parsed(t, sent).conform(newShape(true), nil, false))
}

// fill gives every member below v a value. The types above it are not entered
// again.
func fill(v reflect.Value, above []reflect.Type) {
	switch v.Kind() {
	case reflect.Pointer:
		if slices.Contains(above, v.Type()) {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), append(slices.Clone(above), v.Type()))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), above)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), above)
	case reflect.Map:
		element := reflect.New(v.Type().Elem()).Elem()
		fill(element, above)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("contoso"), element)
	default:
		// Its zero value will do.
	}
}

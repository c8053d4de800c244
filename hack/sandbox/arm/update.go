package arm

import (
	"errors"
	"strings"
)

// putCluster updates a cluster, as the service does: all checks first, then the
// document is stored with state Updating and the old eTag, and an operation
// starts. A PUT that changes nothing starts one as well.
func (s *Server) putCluster(c *call) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.world.cluster(c)
	if err != nil {
		return reply{}, creating(c, err)
	}
	body, err := c.json()
	if err != nil {
		return reply{}, err
	}
	u := update{world: s.world, cluster: found, version: s.world.apiVersion(c), body: body, call: c, readOnly: s.readOnly, schema: s.schema}
	if !u.version.mechanism {
		u.schema = s.oldSchema
	}
	for _, check := range []func() error{u.gateway, u.fields, u.preconditions, u.state, u.unchangeable} {
		if err := check(); err != nil {
			return reply{}, err
		}
	}
	document := u.merged()
	if err := u.mesh(document); err != nil {
		return reply{}, err
	}
	return s.accept(u, document)
}

func (s *Server) accept(u update, document *value) (reply, error) {
	u.cluster.document = document
	u.cluster.setState("Updating")
	operation := s.world.start(u.cluster, s.nextOutcome())
	answer, err := ok(u.cluster.shown(u.version))
	// The specification declares a Retry-After; recordings have none.
	answer.header.Set("Azure-Asyncoperation", s.operationURL(u.call.r, operation, "operations"))
	return answer, err
}

// creating explains why a PUT of a cluster that is not there fails: with an
// if-match in the service's own words, otherwise because this simulator makes
// no clusters.
func creating(c *call, err error) error {
	var e *serviceError
	if !errors.As(err, &e) || e.code != "ResourceNotFound" {
		return err
	}
	if c.r.Header.Get("If-Match") != "" {
		return providerError(412, "PreconditionFailed", "Resource not found but ETag header is provided. If this is a request to create, please do not provide ETag.")
	}
	return providerError(501, "NotImplemented", "This simulator does not create clusters.")
}

// An update is a PUT of a cluster on its way through the checks.
type update struct {
	world    *world
	cluster  *cluster
	version  apiVersion
	body     *value
	call     *call
	readOnly map[string]bool
	schema   *shape
}

// gateway has the checks of Resource Manager itself.
func (u update) gateway() error {
	given := u.body.str("location")
	if given == "" {
		return gatewayError(400, "LocationRequired", "The location property is required for this definition.")
	}
	if location(given) != location(u.cluster.Location) {
		return gatewayError(409, "InvalidResourceLocation",
			"The resource '%s' already exists in location '%s' in resource group '%s'. A resource with the same name cannot be created in location '%s'. Please select a new resource name.",
			u.cluster.Name, u.cluster.Location, u.cluster.ResourceGroup, given)
	}
	if name := u.body.str("name"); name != "" && !strings.EqualFold(name, u.cluster.Name) {
		return gatewayError(400, "MismatchingResourceName", "The provided resource name '%s' did not match the name in the Url '%s'.", name, u.call.params["cluster"])
	}
	if id := u.body.str("id"); id != "" && !strings.EqualFold(id, clusterID(u.cluster.Cluster)) {
		return gatewayError(400, "InvalidRequestContent", "The provided resource id '%s' did not match the Url.", id)
	}
	if kind := u.body.str("type"); kind != "" && !strings.EqualFold(kind, "Microsoft.ContainerService/managedClusters") {
		return gatewayError(400, "MismatchingResourceType", "The provided resource type '%s' did not match the Url.", kind)
	}
	return nil
}

// fields refuses members that the service or the api-version does not know.
func (u update) fields() error {
	if err := u.body.conform(u.schema, nil, u.version.lenient); err != nil {
		return providerError(400, "UnmarshalError",
			"UnmarshalEntity encountered error: %v Check that the field is in the right location, is spelled correctly, and is supported in the API version. Visit aka.ms/aks/apiversions for more API version information..", err)
	}
	var found []string
	u.body.walk("", func(path string) {
		if u.readOnly[path] {
			found = append(found, path)
		}
	})
	for _, path := range found {
		// The facts say that the eTag must not be echoed; how the service refuses it
		// is unverified. Whether it refuses other read-only members is unverified
		// too: it does so here in a scenario of its own.
		if strings.HasSuffix(path, "eTag") || u.world.refuseReadOnly {
			e := providerError(400, "BadRequest", "Property '%s' is read-only and must not be set.", path)
			e.target = path
			return e
		}
	}
	return nil
}

// preconditions holds if-match and if-none-match against the stored eTag.
func (u update) preconditions() error {
	current := u.cluster.document.str("eTag")
	match := strings.Trim(u.call.r.Header.Get("If-Match"), `"`)
	if match != "" && match != "*" && match != current {
		return preconditionFailed(match, current)
	}
	if none := u.call.r.Header.Get("If-None-Match"); none != "" {
		if none != "*" {
			return providerError(400, "BadRequest", "The if-none-match header must be empty or '*'.")
		}
		return providerError(412, "PreConditionFailed", "The managed cluster exists, but the if-none-match header is '*'.")
	}
	return nil
}

// state refuses an update of a cluster that is busy or stopped.
func (u update) state() error {
	if running := u.cluster.running; running != nil {
		return operationNotAllowed(running.id, timestamp(running.started))
	}
	if foreign := u.cluster.foreign; foreign != nil {
		return operationNotAllowed(foreign.id, timestamp(foreign.started))
	}
	properties := u.cluster.document.get("properties")
	if power := properties.str("powerState", "code"); power != "Running" {
		// The words are those of a refused stop (MicrosoftDocs/azure-docs issue
		// 85161), which is a Bad Request; for an update they are unverified.
		return providerError(400, "BadRequest", "managed cluster is in Provisioning State(%s) and Power State(%s), updating cannot be performed", properties.str("provisioningState"), power)
	}
	return nil
}

// unchangeable refuses changes of what is settled when a cluster is made. (A
// missing member is another matter: it is lost, as PUT has it.)
func (u update) unchangeable() error {
	for _, path := range [][]string{{"nodeResourceGroup"}, {"dnsPrefix"}, {"linuxProfile", "adminUsername"}, {"networkProfile", "serviceCidr"}} {
		full := append([]string{"properties"}, path...)
		given := u.body.str(full...)
		if given == "" || given == u.cluster.document.str(full...) {
			continue
		}
		name := strings.Join(path, ".")
		e := providerError(400, "PropertyChangeNotAllowed", "Changing property '%s' is not allowed.", name)
		e.target = name
		return e
	}
	return nil
}

// mesh checks what a document asks of the mesh.
func (u update) mesh(document *value) error {
	asked := u.body.get(mechanismPath()...)
	if asked == nil || asked.kind == kindNull {
		return nil
	}
	mechanism := u.body.str(mechanismPath()...)
	mode := document.str("properties", "serviceMeshProfile", "mode")
	changes := mechanism != mechanismOf(u.cluster.document)
	switch {
	case mechanism != InitContainers && mechanism != CNIChaining:
		return invalidMechanism(mechanism)
	case mode != "Istio":
		return providerError(400, "BadRequest", "Azure Service Mesh is not enabled: serviceMeshProfile.istio must not be set with mode '%s'.", mode)
	case mechanism == CNIChaining && u.version.preview() && changes && !u.world.previewEnabled(u.call.started):
		return providerError(400, "BadRequest", "Feature Microsoft.ContainerService/IstioCNIPreview is not enabled. Please see https://aka.ms/aks/previews for how to enable features.")
	case mechanism == CNIChaining:
		return checkRevisions(revisionsOf(document))
	}
	return nil
}

func invalidMechanism(mechanism string) error {
	e := providerError(400, "InvalidParameter",
		"The value of parameter serviceMeshProfile.istio.components.proxyRedirectionMechanism is invalid. Error details: '%s' is not one of 'InitContainers', 'CNIChaining'. Please see https://aka.ms/aks-naming-rules for more details.", mechanism)
	e.target = "serviceMeshProfile.istio.components.proxyRedirectionMechanism"
	return e
}

// checkRevisions refuses CNI for revisions before asm-1-25. Azure documents the
// limit; its words are unverified.
func checkRevisions(revisions []string) error {
	for _, revision := range revisions {
		if revisionNumber(revision) < 25 {
			return providerError(400, "BadRequest", "Proxy redirection mechanism CNIChaining is not supported by Azure Service Mesh revision %s. The minimum revision is asm-1-25.", revision)
		}
	}
	return nil
}

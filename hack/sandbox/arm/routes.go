package arm

import (
	"net/http"
	"strings"
)

// Operations are what a fault can be asked for.
const (
	opToken               = "token"
	opListSubscriptions   = "list-subscriptions"
	opGetSubscription     = "get-subscription"
	opGetProvider         = "get-provider"
	opRegisterProvider    = "register-provider"
	opGetCluster          = "get-cluster"
	opPutCluster          = "put-cluster"
	opAbort               = "abort"
	opListClusters        = "list-clusters"
	opPoll                = "poll"
	opGetGroup            = "get-group"
	opListGroups          = "list-groups"
	opGetFeature          = "get-feature"
	opListFeatures        = "list-features"
	opRegisterFeature     = "register-feature"
	opUnregisterFeature   = "unregister-feature"
	opRevisions           = "revisions"
	opUpgrades            = "upgrades"
	opCredentials         = "credentials"
	opGraph               = "graph"
	opAny                 = "any"
	opOperation           = "operation"
	resourceTypeManaged   = "managedClusters"
	resourceTypeLocations = "locations/meshRevisionProfiles"
)

// A route is an operation of the simulated Azure.
type route struct {
	operation, method string
	// pattern is a path in which {name} stands for any one segment.
	pattern      []string
	family       family
	resourceType string
	handle       func(*call) (reply, error)
}

// routing is the table of all operations.
func (s *Server) routing() []route {
	const (
		subscription = "/subscriptions/{subscription}"
		group        = subscription + "/resourceGroups/{group}"
		provider     = subscription + "/providers/{namespace}"
		service      = "/providers/Microsoft.ContainerService"
		cluster      = group + service + "/managedClusters/{cluster}"
		region       = subscription + service + "/locations/{location}"
		feature      = subscription + "/providers/Microsoft.Features/providers/{namespace}/features"
	)
	var routes []route
	add := func(operation, method, pattern string, f family, handle func(*call) (reply, error)) {
		resourceType := resourceTypeManaged
		if strings.HasPrefix(pattern, region) {
			resourceType = resourceTypeLocations
		}
		routes = append(routes, route{operation, method, split(pattern), f, resourceType, handle})
	}
	add(opToken, "GET", "/msi/token", anyVersion, s.token)
	add(opListSubscriptions, "GET", "/subscriptions", subscriptions, s.listSubscriptions)
	add(opGetSubscription, "GET", subscription, subscriptions, s.getSubscription)
	add(opGetProvider, "GET", provider, resources, s.getProvider)
	add(opRegisterProvider, "POST", provider+"/register", resources, s.registerProvider)
	add(opGetCluster, "GET", cluster, managed, s.getCluster)
	add(opPutCluster, "PUT", cluster, managed, s.putCluster)
	add(opAbort, "POST", cluster+"/abort", managed, s.abort)
	add(opListClusters, "GET", group+service+"/managedClusters", managed, s.listClusters)
	add(opListClusters, "GET", subscription+service+"/managedClusters", managed, s.listClusters)
	add(opPoll, "GET", region+"/operations/{id}", anyVersion, s.poll)
	add(opPoll, "GET", region+"/operationresults/{id}", anyVersion, s.operationResult)
	add(opGetGroup, "GET", group, resources, s.getGroup)
	add(opListGroups, "GET", subscription+"/resourceGroups", resources, s.listGroups)
	add(opListFeatures, "GET", feature, features, s.listFeatures)
	add(opGetFeature, "GET", feature+"/{feature}", features, s.getFeature)
	add(opRegisterFeature, "POST", feature+"/{feature}/register", features, s.registerFeature)
	add(opUnregisterFeature, "POST", feature+"/{feature}/unregister", features, s.unregisterFeature)
	add(opRevisions, "GET", region+"/meshRevisionProfiles", managed, s.listRevisions)
	add(opRevisions, "GET", region+"/meshRevisionProfiles/{mode}", managed, s.getRevisions)
	add(opUpgrades, "GET", cluster+"/meshUpgradeProfiles", managed, s.listUpgrades)
	add(opUpgrades, "GET", cluster+"/meshUpgradeProfiles/{mode}", managed, s.getUpgrades)
	add(opCredentials, "POST", cluster+"/listClusterUserCredential", managed, s.credentials)
	add(opGraph, "POST", "/providers/Microsoft.ResourceGraph/resources", graph, s.queryGraph)
	return routes
}

func split(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }

// match finds the operation that a request asks for. Paths of Resource Manager
// are compared without regard to case.
func (s *Server) match(r *http.Request) (route, map[string]string, error) {
	path := split(r.URL.Path)
	otherMethod := false
	for _, candidate := range s.routes {
		params, ok := candidate.matches(path)
		if !ok {
			continue
		}
		if candidate.method == r.Method {
			return candidate, params, nil
		}
		otherMethod = true
	}
	if otherMethod {
		return route{}, nil, gatewayError(405, "MethodNotAllowed", "The requested resource does not support http method '%s'.", r.Method)
	}
	return route{}, nil, gatewayError(404, "InvalidResourceType", "The resource type could not be found for the path '%s'.", r.URL.Path)
}

func (r route) matches(path []string) (map[string]string, bool) {
	if len(path) != len(r.pattern) {
		return nil, false
	}
	params := map[string]string{}
	for i, segment := range r.pattern {
		switch {
		case strings.HasPrefix(segment, "{"):
			params[strings.Trim(segment, "{}")] = path[i]
		case !strings.EqualFold(segment, path[i]):
			return nil, false
		}
	}
	return params, true
}

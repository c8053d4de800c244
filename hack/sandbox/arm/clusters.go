package arm

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// A cluster is a managed cluster with its document.
type cluster struct {
	Cluster
	document *value
	// applied is the mechanism that the real cluster follows. It lags behind the
	// document while an operation runs, and after one that failed.
	applied string
	// running is the operation on the cluster, nil if there is none.
	running *operation
	// foreign is an operation that somebody else started, nil if there is none.
	foreign *foreignOperation
}

// A foreignOperation keeps a cluster busy for a while, counted from the first
// time that anybody looks at the cluster.
type foreignOperation struct {
	id      string
	lasts   time.Duration
	started time.Time
}

func newCluster(c Cluster, tenant string) *cluster {
	document := render(c, tenant)
	return &cluster{Cluster: c, document: document, applied: mechanismOf(document)}
}

// mechanismOf is the mechanism that a document asks for: empty if there is no
// mesh, InitContainers if it names none.
func mechanismOf(document *value) string {
	if document.str("properties", "serviceMeshProfile", "mode") != "Istio" {
		return ""
	}
	if mechanism := document.str(mechanismPath()...); mechanism != "" {
		return mechanism
	}
	return InitContainers
}

// setState sets the provisioning state of the cluster and its pools.
func (c *cluster) setState(state string) {
	c.document.set(newText(state), "properties", "provisioningState")
	for _, pool := range c.document.items("properties", "agentPoolProfiles") {
		pool.set(newText(state), "provisioningState")
	}
}

// succeed ends an operation on the cluster. A cluster operation changes the
// eTags of the cluster and of its pools.
func (c *cluster) succeed() {
	c.setState("Succeeded")
	c.document.set(newText(newGUID()), "eTag")
	for _, pool := range c.document.items("properties", "agentPoolProfiles") {
		pool.set(newText(newGUID()), "eTag")
	}
}

// settle brings the cluster up to date with an operation of somebody else.
func (w *world) settle(c *cluster) {
	f := c.foreign
	if f == nil {
		return
	}
	if f.started.IsZero() {
		f.started = w.now()
	}
	if w.now().Sub(f.started) >= f.lasts {
		c.foreign = nil
		c.succeed()
	}
}

// resource checks what every call to the container service has in common: the
// subscription, the api-version, the registration of the provider, the group.
func (w *world) resource(c *call) error {
	if err := w.checkSubscription(c.params["subscription"]); err != nil {
		return err
	}
	if err := w.checkVersion(c); err != nil {
		return err
	}
	if w.provider.state(c.started) != "Registered" {
		return gatewayError(409, "MissingSubscriptionRegistration",
			"The subscription is not registered to use namespace 'Microsoft.ContainerService'. See https://aka.ms/rps-not-found for how to register subscriptions.")
	}
	group, asked := c.params["group"]
	if asked && w.group(c.params["subscription"], group) == nil {
		return groupNotFound(group)
	}
	return nil
}

// cluster finds the cluster that a call is about.
func (w *world) cluster(c *call) (*cluster, error) {
	if err := w.resource(c); err != nil {
		return nil, err
	}
	for _, candidate := range w.clusters {
		if strings.EqualFold(candidate.Subscription, c.params["subscription"]) && strings.EqualFold(candidate.ResourceGroup, c.params["group"]) && strings.EqualFold(candidate.Name, c.params["cluster"]) {
			w.settle(candidate)
			return candidate, nil
		}
	}
	return nil, clusterNotFound(c.params["group"], c.params["cluster"])
}

func (s *Server) getCluster(c *call) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.world.cluster(c)
	if err != nil {
		return reply{}, err
	}
	return ok(found.shown(s.world.apiVersion(c)))
}

func (s *Server) listClusters(c *call) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.world.resource(c); err != nil {
		return reply{}, err
	}
	group, inGroup := c.params["group"]
	list := newArray()
	for _, candidate := range s.world.clusters {
		if strings.EqualFold(candidate.Subscription, c.params["subscription"]) && (!inGroup || strings.EqualFold(candidate.ResourceGroup, group)) {
			s.world.settle(candidate)
			list.elements = append(list.elements, candidate.shown(s.world.apiVersion(c)))
		}
	}
	return ok(newObject(newMember("value", list)))
}

// shown is the document as an api-version shows it.
func (c *cluster) shown(v apiVersion) *value {
	document := c.document.clone()
	if !v.mechanism {
		document.remove(mechanismPath()...)
	}
	return document
}

// revisions of the mesh that a document asks for.
func revisionsOf(document *value) []string {
	var revisions []string
	for _, revision := range document.items("properties", "serviceMeshProfile", "istio", "revisions") {
		revisions = append(revisions, newObject(newMember("r", revision)).str("r"))
	}
	slices.SortFunc(revisions, func(a, b string) int { return revisionNumber(a) - revisionNumber(b) })
	return revisions
}

// revisionNumber is 27 for asm-1-27, and 0 for what is no revision.
func revisionNumber(revision string) int {
	minor, isRevision := strings.CutPrefix(revision, "asm-1-")
	n, err := strconv.Atoi(minor)
	if !isRevision || err != nil {
		return 0
	}
	return n
}

package arm

import (
	"fmt"
	"slices"
	"strings"
)

// meshRevision is a revision of the mesh, as meshRevisionProfiles knew it in
// April 2026; asm-1-30 is added to it. Kubernetes versions are the minor of 1.x.
type meshRevision struct {
	minor int
	// from and to are the Kubernetes versions that it goes with.
	from, to int
	// longTerm and longTermTo are those with long-term support, zero for none.
	longTerm, longTermTo int
}

func meshRevisions() []meshRevision {
	return []meshRevision{
		{17, 23, 28, 0, 0}, {18, 24, 28, 0, 0}, {19, 25, 28, 0, 0}, {20, 25, 29, 0, 0},
		{21, 26, 30, 30, 30}, {22, 27, 30, 30, 30}, {23, 27, 32, 30, 32}, {24, 28, 33, 30, 33},
		{25, 29, 33, 30, 33}, {26, 29, 34, 30, 34}, {27, 29, 35, 30, 35}, {28, 30, 35, 30, 35},
		{29, 31, 35, 31, 35}, {30, 32, 36, 32, 36},
	}
}

func (r meshRevision) name() string { return fmt.Sprintf("asm-1-%d", r.minor) }

// upgrades of a revision: the next two, of the oldest only the next one.
func (r meshRevision) upgrades() []string {
	step := 2
	if r.minor <= 18 {
		step = 1
	}
	var next []string
	for _, other := range meshRevisions() {
		if other.minor > r.minor && other.minor <= r.minor+step {
			next = append(next, other.name())
		}
	}
	return next
}

// body is the revision as Azure shows it: the newest has no upgrades, and
// nothing says whether it knows CNI.
func (r meshRevision) body() *value {
	body := newObject(newMember("revision", newText(r.name())))
	if upgrades := r.upgrades(); len(upgrades) > 0 {
		body.set(texts(upgrades), "upgrades")
	}
	body.set(newArray(compatible("KubernetesOfficial", r.from, r.to), compatible("AKSLongTermSupport", r.longTerm, r.longTermTo)), "compatibleWith")
	return body
}

func compatible(name string, from, to int) *value {
	body := newObject(newMember("name", newText(name)))
	if from == 0 {
		return body
	}
	versions := newArray()
	for minor := from; minor <= to; minor++ {
		versions.elements = append(versions.elements, newText(fmt.Sprintf("1.%d", minor)))
	}
	body.set(versions, "versions")
	return body
}

func texts(all []string) *value {
	list := newArray()
	for _, s := range all {
		list.elements = append(list.elements, newText(s))
	}
	return list
}

func (s *Server) listRevisions(c *call) (reply, error) {
	profile, err := s.getRevisionProfile(c)
	if err != nil {
		return reply{}, err
	}
	return ok(newObject(newMember("value", newArray(profile))))
}

func (s *Server) getRevisions(c *call) (reply, error) {
	profile, err := s.getRevisionProfile(c)
	if err != nil {
		return reply{}, err
	}
	return ok(profile)
}

func (s *Server) getRevisionProfile(c *call) (*value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.world.resource(c); err != nil {
		return nil, err
	}
	region := location(c.params["location"])
	if !slices.Contains(s.world.locations(), region) {
		return nil, gatewayError(400, "NoRegisteredProviderFound", "No registered resource provider found for location '%s' and API version '%s' for type '%s'. The supported locations are '%s'.",
			c.params["location"], c.version, c.route.resourceType, strings.Join(s.world.locations(), ", "))
	}
	if err := checkMode(c); err != nil {
		return nil, err
	}
	revisions := newArray()
	for _, r := range meshRevisions() {
		revisions.elements = append(revisions.elements, r.body())
	}
	return profile(
		fmt.Sprintf("/subscriptions/%s/providers/Microsoft.ContainerService/locations/%s/meshRevisionProfiles/istio", c.params["subscription"], region),
		"Microsoft.ContainerService/locations/meshRevisionProfiles",
		newObject(newMember("meshRevisions", revisions))), nil
}

// checkMode refuses any mesh but Istio.
func checkMode(c *call) error {
	if mode, asked := c.params["mode"]; asked && !strings.EqualFold(mode, "istio") {
		return providerError(404, "NotFound", "The service mesh mode '%s' could not be found.", mode)
	}
	return nil
}

func profile(id, kind string, properties *value) *value {
	return newObject(
		newMember("id", newText(id)),
		newMember("name", newText("istio")),
		newMember("type", newText(kind)),
		newMember("properties", properties))
}

func (s *Server) listUpgrades(c *call) (reply, error) {
	profiles, err := s.upgradeProfiles(c)
	if err != nil {
		return reply{}, err
	}
	return ok(newObject(newMember("value", newArray(profiles...))))
}

func (s *Server) getUpgrades(c *call) (reply, error) {
	profiles, err := s.upgradeProfiles(c)
	if err != nil {
		return reply{}, err
	}
	if len(profiles) == 0 {
		return reply{}, providerError(404, "NotFound", "Azure Service Mesh is not enabled on the managed cluster '%s'.", c.params["cluster"])
	}
	return ok(profiles[0])
}

// upgradeProfiles say where a cluster's mesh can go from its oldest revision.
// There are none without a mesh (unverified).
func (s *Server) upgradeProfiles(c *call) ([]*value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.world.cluster(c)
	if err != nil {
		return nil, err
	}
	if err := checkMode(c); err != nil {
		return nil, err
	}
	revisions := revisionsOf(found.document)
	if mechanismOf(found.document) == "" || len(revisions) == 0 {
		return nil, nil
	}
	properties := newObject(newMember("revision", newText(revisions[0])))
	for _, r := range meshRevisions() {
		if r.name() == revisions[0] {
			properties = r.body()
		}
	}
	return []*value{profile(clusterID(found.Cluster)+"/meshUpgradeProfiles/istio", "Microsoft.ContainerService/managedClusters/meshUpgradeProfiles", properties)}, nil
}

package arm

import (
	"fmt"
	"slices"
	"strings"
)

// Names of the scenarios.
const (
	ScenarioStopped            = "stopped"
	ScenarioPreviewOnly        = "preview-only"
	ScenarioPreviewUngated     = "preview-ungated"
	ScenarioRevision24         = "asm-1-24"
	ScenarioTwoRevisions       = "two-revisions"
	ScenarioUbuntu2004         = "ubuntu-2004"
	ScenarioWindows            = "windows"
	ScenarioMeshDisabled       = "mesh-disabled"
	ScenarioBusy               = "busy"
	ScenarioUnregistered       = "unregistered"
	ScenarioProvisioningFailed = "provisioning-failed"
	ScenarioStrictReadOnly     = "strict-read-only"
)

// A Scenario is a situation that lasts, rather than strikes a request. All of
// them are about Config.Cluster.
type Scenario struct {
	Name        string `json:"name"`
	Description string `json:"description"`

	// cluster changes what the cluster is made from, world what is made of it.
	cluster func(*Cluster)
	world   func(*world, *cluster)
}

// Scenarios are all there are. Several can be in force at once.
func Scenarios() []Scenario {
	return []Scenario{
		{ScenarioStopped, "the cluster is stopped, and a PUT is refused", nil, func(_ *world, c *cluster) { c.stop() }},
		{ScenarioPreviewOnly, "only preview api-versions know the mechanism, and they need the feature IstioCNIPreview, which is not registered", nil,
			func(w *world, _ *cluster) { w.versions, w.flagGates = managedVersions(true), true }},
		{ScenarioPreviewUngated, "only preview api-versions know the mechanism, and they need no feature", nil,
			func(w *world, _ *cluster) { w.versions = managedVersions(true) }},
		{ScenarioRevision24, "the mesh is on revision asm-1-24, which does not know CNI", func(c *Cluster) { c.Revisions = []string{"asm-1-24"} }, nil},
		{ScenarioTwoRevisions, "a canary upgrade of the mesh runs: two revisions", addRevision, nil},
		{ScenarioUbuntu2004, "a node pool runs Ubuntu 20.04", addPool(Pool{"legacy", "Linux", "Ubuntu", "AKSUbuntu-2004cvmcontainerd-202604.13.0", "User", 1}), nil},
		{ScenarioWindows, "a node pool runs Windows", addPool(Pool{"win", "Windows", "Windows2022", "AKSWindows-2022-containerd-20348.3207.250210", "User", 1}), nil},
		{ScenarioMeshDisabled, "the mesh add-on is off", func(c *Cluster) { c.Revisions, c.Mechanism = nil, "" }, disableMesh},
		{ScenarioBusy, "somebody else's operation runs on the cluster, from the first look at it for twice Timing.Operation; then the eTag changes", nil, makeBusy},
		{ScenarioUnregistered, "the provider Microsoft.ContainerService is not registered on the subscription", nil,
			func(w *world, _ *cluster) {
				w.provider = newRegistration("Microsoft.ContainerService", "NotRegistered", w.cfg.Timing.Provider)
			}},
		{ScenarioProvisioningFailed, "the last operation on the cluster failed", nil, func(_ *world, c *cluster) { c.setState("Failed") }},
		{ScenarioStrictReadOnly, "a PUT with any read-only member is refused, which Azure may or may not do", nil,
			func(w *world, _ *cluster) { w.refuseReadOnly = true }},
	}
}

// chosen are the scenarios with names, in the order of the list.
func chosen(names []string) []Scenario {
	return slices.DeleteFunc(Scenarios(), func(s Scenario) bool { return !slices.Contains(names, s.Name) })
}

func checkScenarios(names []string) error {
	var known []string
	for _, s := range Scenarios() {
		known = append(known, s.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("there is no scenario %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}

// SetScenarios puts scenarios in force instead of those that were. Clusters,
// features and registrations start anew with them; faults and the request log
// stay.
func (s *Server) SetScenarios(names ...string) error {
	if err := checkScenarios(names); err != nil {
		return err
	}
	s.renew(names)
	return nil
}

// ActiveScenarios are the names of those in force.
func (s *Server) ActiveScenarios() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.scenarios...)
}

func (c *cluster) stop() {
	stopped := newObject(newMember("code", newText("Stopped")))
	c.document.set(stopped, "properties", "powerState")
	for _, pool := range c.document.items("properties", "agentPoolProfiles") {
		pool.set(stopped.clone(), "powerState")
	}
}

// addRevision adds the next revision, as a canary upgrade does.
func addRevision(c *Cluster) {
	if len(c.Revisions) != 1 {
		return
	}
	next := fmt.Sprintf("asm-1-%d", revisionNumber(c.Revisions[0])+1)
	c.Revisions = append(slices.Clone(c.Revisions), next)
}

func addPool(pool Pool) func(*Cluster) {
	return func(c *Cluster) {
		if slices.ContainsFunc(c.Pools, func(p Pool) bool { return p.Name == pool.Name }) {
			return
		}
		c.Pools = append(slices.Clone(c.Pools), pool)
	}
}

func disableMesh(_ *world, c *cluster) {
	c.document.set(newObject(newMember("mode", newText("Disabled"))), "properties", "serviceMeshProfile")
}

func makeBusy(w *world, c *cluster) {
	c.foreign = &foreignOperation{id: newGUID(), lasts: 2 * w.cfg.Timing.Operation}
	c.setState("Updating")
}

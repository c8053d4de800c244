package arm

import (
	"fmt"
	"time"
)

func (s *Server) getProvider(c *call) (reply, error) { return s.askProvider(c, nil) }

// registerProvider registers the provider. Registering it again changes nothing
// that can be seen, but is what makes registered features take effect.
func (s *Server) registerProvider(c *call) (reply, error) {
	return s.askProvider(c, func(w *world, now time.Time) {
		w.provider.ask("Registering", "Registered", now)
		w.propagated = now
	})
}

func (s *Server) askProvider(c *call, ask func(*world, time.Time)) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.world
	if err := w.checkFeatures(c); err != nil {
		return reply{}, err
	}
	if ask != nil {
		ask(w, c.started)
	}
	return ok(newObject(
		newMember("id", newText(fmt.Sprintf("/subscriptions/%s/providers/Microsoft.ContainerService", c.params["subscription"]))),
		newMember("namespace", newText("Microsoft.ContainerService")),
		newMember("resourceTypes", w.resourceTypes()),
		newMember("registrationState", newText(w.provider.state(c.started))),
		newMember("registrationPolicy", newText("RegistrationRequired"))))
}

// resourceTypes are those of the container service that a client of clusters
// meets, each with its api-versions, newest first.
func (w *world) resourceTypes() *value {
	regions, versions := newArray(), newArray()
	for _, name := range w.locations() {
		regions.elements = append(regions.elements, newText(name))
	}
	for _, v := range w.versions {
		versions.elements = append(versions.elements, newText(v.name))
	}
	types := newArray()
	for _, name := range []string{
		"managedClusters", "managedClusters/agentPools", "managedClusters/meshUpgradeProfiles",
		"locations", "locations/operations", "locations/operationresults", "locations/meshRevisionProfiles",
	} {
		types.elements = append(types.elements, newObject(
			newMember("resourceType", newText(name)),
			newMember("locations", regions),
			newMember("apiVersions", versions),
			newMember("capabilities", newText("None"))))
	}
	return types
}

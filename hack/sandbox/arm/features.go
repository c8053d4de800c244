package arm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// previewEnabled reports whether preview api-versions may use CNI chaining. A
// registered feature takes effect only when the provider has been registered
// again after it.
func (w *world) previewEnabled(now time.Time) bool {
	feature := w.features["istiocnipreview"]
	return !w.flagGates ||
		feature.state(now) == "Registered" && w.propagated.After(feature.since())
}

// feature finds the feature that a call is about.
func (w *world) feature(c *call) (*registration, error) {
	if err := w.checkFeatures(c); err != nil {
		return nil, err
	}
	found := w.features[strings.ToLower(c.params["feature"])]
	if found == nil {
		return nil, gatewayError(404, "FeatureNotFound", "The feature '%s' could not be found.", c.params["feature"])
	}
	return found, nil
}

func (w *world) checkFeatures(c *call) error {
	if err := w.checkSubscription(c.params["subscription"]); err != nil {
		return err
	}
	if err := w.checkVersion(c); err != nil {
		return err
	}
	return checkNamespace(c.params["namespace"])
}

func checkNamespace(name string) error {
	if strings.EqualFold(name, "Microsoft.ContainerService") {
		return nil
	}
	return gatewayError(404, "InvalidResourceNamespace", "The resource namespace '%s' is invalid.", name)
}

func featureBody(c *call, f *registration) *value {
	name := "Microsoft.ContainerService/" + f.name
	return newObject(
		newMember("properties", newObject(newMember("state", newText(f.state(c.started))))),
		newMember("id", newText(fmt.Sprintf("/subscriptions/%s/providers/Microsoft.Features/providers/Microsoft.ContainerService/features/%s", c.params["subscription"], f.name))),
		newMember("type", newText("Microsoft.Features/providers/features")),
		newMember("name", newText(name)))
}

func (s *Server) listFeatures(c *call) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.world.checkFeatures(c); err != nil {
		return reply{}, err
	}
	list := newArray()
	for _, name := range slices.Sorted(maps.Keys(s.world.features)) {
		list.elements = append(list.elements, featureBody(c, s.world.features[name]))
	}
	return ok(newObject(newMember("value", list)))
}

func (s *Server) getFeature(c *call) (reply, error) { return s.askFeature(c, nil) }

func (s *Server) registerFeature(c *call) (reply, error) {
	return s.askFeature(c, func(f *registration, now time.Time) { f.ask("Registering", "Registered", now) })
}

func (s *Server) unregisterFeature(c *call) (reply, error) {
	return s.askFeature(c, func(f *registration, now time.Time) { f.ask("Unregistering", "Unregistered", now) })
}

// askFeature shows a feature after asking something of it.
func (s *Server) askFeature(c *call, ask func(*registration, time.Time)) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.world.feature(c)
	if err != nil {
		return reply{}, err
	}
	if ask != nil {
		ask(f, c.started)
	}
	return ok(featureBody(c, f))
}

package arm

import (
	"fmt"
	"strings"
)

// groupsOf are the resource groups of a subscription.
func (w *world) groupsOf(subscription string) []*value {
	var groups []*value
	add := func(name, region, managedBy string, tags *value) {
		group := newObject(
			newMember("id", newText(fmt.Sprintf("/subscriptions/%s/resourceGroups/%s", subscription, name))),
			newMember("name", newText(name)),
			newMember("type", newText("Microsoft.Resources/resourceGroups")),
			newMember("location", newText(region)))
		if managedBy != "" {
			group.set(newText(managedBy), "managedBy")
		}
		group.set(tags, "tags")
		group.set(newText("Succeeded"), "properties", "provisioningState")
		groups = append(groups, group)
	}
	seen := map[string]bool{}
	for _, c := range w.clusters {
		if !strings.EqualFold(c.Subscription, subscription) {
			continue
		}
		if key := strings.ToLower(c.ResourceGroup); !seen[key] {
			seen[key] = true
			add(c.ResourceGroup, c.Location, "", newObject(newMember("owner", newText("platform@contoso.com"))))
		}
		// The group of the machines belongs to the cluster, and says so twice.
		add(c.NodeResourceGroup, c.Location, clusterID(c.Cluster), newObject(
			newMember("aks-managed-cluster-name", newText(c.Name)),
			newMember("aks-managed-cluster-rg", newText(c.ResourceGroup))))
	}
	return groups
}

// group finds a resource group, nil if there is none.
func (w *world) group(subscription, name string) *value {
	for _, group := range w.groupsOf(subscription) {
		if strings.EqualFold(group.str("name"), name) {
			return group
		}
	}
	return nil
}

func (w *world) checkResources(c *call) error {
	if err := w.checkSubscription(c.params["subscription"]); err != nil {
		return err
	}
	return w.checkVersion(c)
}

func (s *Server) getGroup(c *call) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.world.checkResources(c); err != nil {
		return reply{}, err
	}
	group := s.world.group(c.params["subscription"], c.params["group"])
	if group == nil {
		return reply{}, groupNotFound(c.params["group"])
	}
	return ok(group)
}

func (s *Server) listGroups(c *call) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.world.checkResources(c); err != nil {
		return reply{}, err
	}
	return ok(newObject(newMember("value", newArray(s.world.groupsOf(c.params["subscription"])...))))
}

func (s *Server) subscriptionBody(name string) *value {
	return newObject(
		newMember("id", newText("/subscriptions/"+name)),
		newMember("authorizationSource", newText("RoleBased")),
		newMember("managedByTenants", newArray()),
		newMember("subscriptionId", newText(name)),
		newMember("tenantId", newText(s.cfg.Tenant)),
		newMember("displayName", newText("Contoso "+name[:4])),
		newMember("state", newText("Enabled")),
		newMember("subscriptionPolicies", newObject(
			newMember("locationPlacementId", newText("Public_2014-09-01")),
			newMember("quotaId", newText("EnterpriseAgreement_2014-09-01")),
			newMember("spendingLimit", newText("Off")))))
}

func (s *Server) getSubscription(c *call) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.world.checkResources(c); err != nil {
		return reply{}, err
	}
	return ok(s.subscriptionBody(strings.ToLower(c.params["subscription"])))
}

func (s *Server) listSubscriptions(c *call) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.world.checkVersion(c); err != nil {
		return reply{}, err
	}
	list := newArray()
	for _, name := range s.world.subscriptions() {
		list.elements = append(list.elements, s.subscriptionBody(name))
	}
	count := newObject(newMember("type", newText("Total")), newMember("value", newNumber(len(list.elements))))
	return ok(newObject(newMember("value", list), newMember("count", count)))
}

package arm

import "strings"

// readOnlyMembers are the members that only the service sets. "*" stands for
// every element of an array.
func readOnlyMembers() map[string]bool {
	const paths = `
id
name
type
eTag
systemData
identity.principalId
identity.tenantId
properties.provisioningState
properties.powerState
properties.currentKubernetesVersion
properties.fqdn
properties.privateFQDN
properties.azurePortalFQDN
properties.maxAgentPools
properties.resourceUID
properties.oidcIssuerProfile.issuerURL
properties.networkProfile.loadBalancerProfile.effectiveOutboundIPs
properties.networkProfile.natGatewayProfile.effectiveOutboundIPs
properties.agentPoolProfiles.*.eTag
properties.agentPoolProfiles.*.provisioningState
properties.agentPoolProfiles.*.nodeImageVersion
properties.agentPoolProfiles.*.currentOrchestratorVersion`
	set := map[string]bool{}
	for path := range strings.FieldsSeq(paths) {
		set[path] = true
	}
	return set
}

// walk visits the path of every member.
func (v *value) walk(path string, visit func(path string)) {
	for _, m := range v.members {
		at := join(path, m.name)
		visit(at)
		m.value.walk(at, visit)
	}
	for _, element := range v.elements {
		element.walk(join(path, "*"), visit)
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// merged is the document that an update stores. A PUT replaces: what the body
// does not have is gone. Except for what is not the client's to set: read-only
// members stay as they are, and so does, for an api-version that does not know
// it, the mechanism (unverified, but without it every older client would switch
// it back). Members keep the order they had, since the service writes its own
// order whatever it is sent.
func (u update) merged() *value {
	kept := u.readOnly
	if !u.version.mechanism {
		kept = map[string]bool{strings.Join(mechanismPath(), "."): true}
		for path := range u.readOnly {
			kept[path] = true
		}
	}
	return merge(u.body, u.cluster.document, "", kept)
}

// merge makes what is stored of what was sent and what was stored before.
func merge(sent, stored *value, path string, kept map[string]bool) *value {
	switch {
	case sent.kind == kindObject && stored.kind == kindObject:
		return mergeObjects(sent, stored, path, kept)
	case sent.kind == kindArray && stored.kind == kindArray:
		merged := newArray()
		for _, element := range sent.elements {
			merged.elements = append(merged.elements, mergeElement(element, stored, join(path, "*"), kept))
		}
		return merged
	}
	return sent.clone()
}

func mergeObjects(sent, stored *value, path string, kept map[string]bool) *value {
	merged := newObject()
	for _, old := range stored.members {
		at := join(path, old.name)
		given := sent.get(old.name)
		var result *value
		switch {
		case kept[at]:
			result = old.value.clone()
		case given != nil:
			result = merge(given, old.value, at, kept)
		default:
			result = remains(old.value, at, kept)
		}
		if result != nil {
			merged.members = append(merged.members, member{old.name, old.spelled, result})
		}
	}
	for _, m := range sent.members {
		if stored.index(m.name) < 0 && !kept[join(path, m.name)] {
			merged.members = append(merged.members, member{m.name, m.spelled, m.value.clone()})
		}
	}
	return merged
}

// mergeElement merges an element with the stored one of the same name. Elements
// without names, and new ones, are stored as they were sent.
func mergeElement(element, stored *value, path string, kept map[string]bool) *value {
	name := element.str("name")
	for _, old := range stored.elements {
		if name != "" && old.str("name") == name {
			return merge(element, old, path, kept)
		}
	}
	return element.clone()
}

// remains is what is left of a stored value that was not sent: its read-only
// members. It is nil if there are none.
func remains(stored *value, path string, kept map[string]bool) *value {
	left := newObject()
	for _, m := range stored.members {
		at := join(path, m.name)
		rest := remains(m.value, at, kept)
		if kept[at] {
			rest = m.value.clone()
		}
		if rest != nil {
			left.members = append(left.members, member{m.name, m.spelled, rest})
		}
	}
	if len(left.members) == 0 {
		return nil
	}
	return left
}

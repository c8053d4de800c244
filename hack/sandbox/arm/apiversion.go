package arm

import (
	"regexp"
	"slices"
	"strings"
)

// An apiVersion of managedClusters.
type apiVersion struct {
	name string
	// mechanism says whether the version knows proxyRedirectionMechanism.
	mechanism bool
	// lenient versions ignore unknown fields; from 2024-01-01 on they are refused
	// (Azure/AKS issue 4060).
	lenient bool
}

func (v apiVersion) preview() bool { return strings.HasSuffix(v.name, "-preview") }

// managedVersions are the api-versions of Microsoft.ContainerService that a
// cloud offers, newest first. A cloud that lags offers none that is both stable
// and knows the field.
func managedVersions(lagging bool) []apiVersion {
	versions := []apiVersion{
		{name: "2026-04-01", mechanism: true},
		{name: "2026-03-02-preview", mechanism: true},
		{name: "2026-02-02-preview", mechanism: true},
		{name: "2026-02-01", mechanism: true},
		{name: "2026-01-02-preview", mechanism: true},
		{name: "2026-01-01", mechanism: true},
		{name: "2025-10-02-preview", mechanism: true},
		{name: "2025-10-01"},
		{name: "2025-09-01"},
		{name: "2025-08-02-preview", mechanism: true},
		{name: "2025-08-01"},
		{name: "2025-07-02-preview"},
		{name: "2025-07-01"},
		{name: "2025-05-01"},
		{name: "2025-04-01"},
		{name: "2025-03-01"},
		{name: "2025-01-01"},
		{name: "2024-09-01"},
		{name: "2024-01-01"},
		{name: "2023-11-01", lenient: true},
		{name: "2023-08-01", lenient: true},
	}
	if lagging {
		return slices.DeleteFunc(versions, func(v apiVersion) bool { return v.name >= "2026" })
	}
	return versions
}

func names(versions []apiVersion) []string {
	var all []string
	for _, v := range versions {
		all = append(all, v.name)
	}
	return all
}

// A family is a set of operations that share their api-versions.
type family int

const (
	managed family = iota
	subscriptions
	resources
	features
	graph
	// anyVersion is for URLs that Azure hands out and that carry their own version.
	anyVersion
)

// versions are the api-versions of a family, newest first.
func (w *world) versionsOf(f family) []string {
	switch f {
	case subscriptions:
		return []string{"2022-12-01", "2021-01-01", "2020-01-01", "2019-11-01", "2019-06-01", "2018-06-01", "2016-06-01"}
	case resources:
		return []string{"2025-04-01", "2024-11-01", "2024-03-01", "2023-07-01", "2022-09-01", "2021-04-01", "2021-01-01", "2020-10-01", "2020-06-01", "2019-10-01", "2018-05-01"}
	case features:
		return []string{"2021-07-01", "2015-12-01", "2014-08-01-preview"}
	case graph:
		return []string{"2024-04-01", "2022-10-01", "2021-03-01", "2020-04-01-preview", "2019-04-01"}
	case managed, anyVersion:
	}
	return names(w.versions)
}

// checkVersion refuses an api-version in the gateway's words: it distinguishes
// a missing version, a malformed one and one that the provider does not offer.
func (w *world) checkVersion(c *call) error {
	if c.version == "" {
		return gatewayError(400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
	}
	supported := w.versionsOf(c.route.family)
	if c.route.family == anyVersion || slices.Contains(supported, c.version) {
		return nil
	}
	slices.Sort(supported)
	list := strings.Join(supported, ", ")
	wellFormed := regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(-[a-z]+)?$`).MatchString(c.version)
	if c.route.family != managed || !wellFormed {
		return gatewayError(400, "InvalidApiVersionParameter", "The api-version '%s' is invalid. The supported versions are '%s'.", c.version, list)
	}
	return gatewayError(400, "NoRegisteredProviderFound",
		"No registered resource provider found for location '%s' and API version '%s' for type '%s'. The supported api-versions are '%s'. The supported locations are '%s'.",
		w.home, c.version, c.route.resourceType, list, strings.Join(w.locations(), ", "))
}

// apiVersion is what is known about the version of a call that passed the check.
func (w *world) apiVersion(c *call) apiVersion {
	i := slices.IndexFunc(w.versions, func(v apiVersion) bool { return v.name == c.version })
	if i < 0 {
		return apiVersion{name: c.version}
	}
	return w.versions[i]
}

// locations are the regions of this Azure.
func (w *world) locations() []string {
	all := []string{"australiaeast", "eastus", "eastus2", "germanywestcentral", "japaneast", "northeurope", "southeastasia", "swedencentral", "uksouth", "westeurope", "westus2", "westus3"}
	for _, c := range w.clusters {
		if !slices.Contains(all, location(c.Location)) {
			all = append(all, location(c.Location))
		}
	}
	slices.Sort(all)
	return all
}

// location spells a region the way it is compared: "West Europe" is westeurope.
func location(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, " ", ""))
}

package azure

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// api-versions that the provider metadata, resource groups, features and the
// Resource Graph are read with. They are stable and offered by every cloud.
const (
	resourcesAPIVersion = "2021-04-01"
	featuresAPIVersion  = "2021-07-01"
	graphAPIVersion     = "2022-10-01"
)

// The first api-versions of managedClusters that know the field
// proxyRedirectionMechanism (Azure/azure-rest-api-specs, containerservice/aks).
const (
	firstStable  = "2026-01-01"
	firstPreview = "2025-08-02-preview"
)

// APIVersion is the api-version that managed clusters are read and written with.
type APIVersion struct {
	Name string
	// KnowsMechanism reports whether the version knows the redirection mechanism.
	KnowsMechanism bool
}

// Preview reports whether a preview feature flag may be needed. A stable
// version's name is a date and nothing else.
func (v APIVersion) Preview() bool { return len(v.Name) > len(time.DateOnly) }

// OfferedAPIVersions asks which api-versions of managed clusters the cloud offers
// to a subscription, newest first.
func (c *Client) OfferedAPIVersions(ctx context.Context, subscription string) ([]string, error) {
	var provider struct {
		ResourceTypes []struct {
			ResourceType string   `json:"resourceType"`
			APIVersions  []string `json:"apiVersions"`
		} `json:"resourceTypes"`
	}
	path := "/subscriptions/" + subscription + "/providers/Microsoft.ContainerService"
	if err := c.get(ctx, path, resourcesAPIVersion, &provider); err != nil {
		return nil, explain("ask which api-versions subscription "+subscription+" offers", err)
	}
	for _, t := range provider.ResourceTypes {
		if strings.EqualFold(t.ResourceType, "managedClusters") {
			return t.APIVersions, nil
		}
	}
	return nil, fmt.Errorf("cannot ask which api-versions subscription %s offers: the answer does not mention managedClusters", subscription)
}

// ChooseAPIVersion picks from what a cloud offers: the newest stable version
// that knows the redirection mechanism, else the newest such preview, else the
// newest stable one, with which the mechanism stays unknown.
func ChooseAPIVersion(offered []string) (APIVersion, error) {
	// The dates that begin their names put api-versions in order.
	newestFirst := slices.Clone(offered)
	slices.Sort(newestFirst)
	slices.Reverse(newestFirst)
	var best APIVersion
	rank := 0
	for _, name := range newestFirst {
		version := ParseAPIVersion(name)
		if r := preference(version); r > rank {
			best, rank = version, r
		}
	}
	if rank == 0 {
		return APIVersion{}, fmt.Errorf("no usable api-version among the %d that the cloud offers", len(offered))
	}
	return best, nil
}

func preference(v APIVersion) int {
	switch {
	case v.KnowsMechanism && !v.Preview():
		return 3
	case v.KnowsMechanism:
		return 2
	case !v.Preview():
		return 1
	}
	return 0
}

// ParseAPIVersion tells what a version knows from its name.
func ParseAPIVersion(name string) APIVersion {
	v := APIVersion{Name: name}
	if v.Preview() {
		v.KnowsMechanism = name >= firstPreview
	} else {
		v.KnowsMechanism = name >= firstStable
	}
	return v
}

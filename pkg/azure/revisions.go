package azure

import (
	"context"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// MeshRevision is a revision of the add-on that a region offers.
type MeshRevision struct {
	Revision string `json:"revision"`
	// Upgrades are the revisions that a mesh on this one can go to.
	Upgrades []string `json:"upgrades"`
	// CompatibleWith lists the Kubernetes versions that it runs on.
	CompatibleWith []struct {
		Name     string   `json:"name"`
		Versions []string `json:"versions"`
	} `json:"compatibleWith"`
}

// MeshRevisions asks which revisions a region offers, those out of support
// included.
func (c *Client) MeshRevisions(ctx context.Context, subscription, location string, version APIVersion) ([]MeshRevision, error) {
	var answer struct {
		Value []struct {
			Properties struct {
				MeshRevisions []MeshRevision `json:"meshRevisions"`
			} `json:"properties"`
		} `json:"value"`
	}
	path := "/subscriptions/" + subscription + "/providers/Microsoft.ContainerService/locations/" + location + "/meshRevisionProfiles"
	if err := c.get(ctx, path, version.Name, &answer); err != nil {
		return nil, explain("list the mesh revisions of "+location, err)
	}
	var revisions []MeshRevision
	for _, profile := range answer.Value {
		revisions = append(revisions, profile.Properties.MeshRevisions...)
	}
	return revisions, nil
}

// MeshUpgrades asks which revisions a cluster's mesh can be upgraded to.
func (c *Client) MeshUpgrades(ctx context.Context, id snapshot.Identity, version APIVersion) ([]string, error) {
	var answer struct {
		Value []struct {
			Properties struct {
				Upgrades []string `json:"upgrades"`
			} `json:"properties"`
		} `json:"value"`
	}
	if err := c.get(ctx, id.ID+"/meshUpgradeProfiles", version.Name, &answer); err != nil {
		return nil, explain(describe("list the mesh upgrades of", id), err)
	}
	var upgrades []string
	for _, profile := range answer.Value {
		upgrades = append(upgrades, profile.Properties.Upgrades...)
	}
	return upgrades, nil
}

package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// identifyByServer finds a cluster by its API server's host name, across all
// subscriptions that the identity can see.
func (c *Client) identifyByServer(ctx context.Context, servers []string) (snapshot.Identity, error) {
	attempt := "find the cluster whose API server is " + strings.Join(servers, " or ")
	var conditions []string
	for _, server := range servers {
		quoted := "'" + escapeKQL(server) + "'"
		for _, member := range []string{"fqdn", "privateFQDN", "azurePortalFQDN"} {
			conditions = append(conditions, "properties."+member+" =~ "+quoted)
		}
	}
	if len(conditions) == 0 {
		return snapshot.Identity{}, &fail.Error{Attempt: "find the cluster", Cause: errors.New("the kube context names no API server"), Remedy: nameIt}
	}
	query := "Resources | where type =~ 'microsoft.containerservice/managedclusters' | where " +
		strings.Join(conditions, " or ") + " | project id"
	ids, err := c.queryIDs(ctx, query)
	if err != nil {
		return snapshot.Identity{}, explain(attempt, err)
	}
	switch len(ids) {
	case 0:
		return snapshot.Identity{}, &fail.Error{Attempt: attempt, Remedy: nameIt, Cause: errors.New("this sign-in can see no such cluster")}
	case 1:
	default:
		return snapshot.Identity{}, &fail.Error{Attempt: attempt, Remedy: nameIt, Cause: fmt.Errorf("there are %d of them", len(ids))}
	}
	identity, err := ParseClusterID(ids[0])
	return identity, fail.To(attempt, err)
}

// queryIDs asks the Azure Resource Graph for the ids of resources. What it is
// used for has one answer, so only the first page is read.
func (c *Client) queryIDs(ctx context.Context, query string) ([]string, error) {
	body, err := json.Marshal(map[string]any{"query": query, "options": map[string]any{"resultFormat": "objectArray", "$top": 10}})
	if err != nil {
		return nil, err
	}
	resp, err := c.do(ctx, request{
		method: http.MethodPost, path: "/providers/Microsoft.ResourceGraph/resources", apiVersion: graphAPIVersion, body: body,
	})
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := decode(resp.body, &answer); err != nil {
		return nil, err
	}
	var ids []string
	for _, row := range answer.Data {
		ids = append(ids, row.ID)
	}
	return ids, nil
}

// escapeKQL makes text safe inside a quoted string of the query language.
func escapeKQL(text string) string {
	return strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text)
}

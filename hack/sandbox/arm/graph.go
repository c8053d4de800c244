package arm

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxGraphRows is the most that the Resource Graph gives at once.
	maxGraphRows = 1000
	// maxQuery bounds how deep a query can be nested.
	maxQuery = 32 << 10
)

// graphRequest is what a query of the Resource Graph is asked with.
type graphRequest struct {
	Query         string   `json:"query"`
	Subscriptions []string `json:"subscriptions"`
	Options       struct {
		Top          *int   `json:"$top"`
		Skip         int    `json:"$skip"`
		SkipToken    string `json:"$skipToken"`
		ResultFormat string `json:"resultFormat"`
	} `json:"options"`
}

func (s *Server) queryGraph(c *call) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.world.checkVersion(c); err != nil {
		return reply{}, err
	}
	var request graphRequest
	if err := json.Unmarshal(c.body, &request); err != nil {
		return reply{}, graphError(c, "InvalidRequest", "The request content is invalid: "+err.Error())
	}
	if len(request.Query) > maxQuery {
		return reply{}, graphError(c, "InvalidRequest", "The query is too long.")
	}
	steps, err := parseQuery(request.Query)
	if err != nil {
		return reply{}, queryRefused(c, err)
	}
	start, top, err := request.page()
	if err != nil {
		return reply{}, graphError(c, "InvalidRequest", err.Error())
	}
	rows := s.world.rows(request.Subscriptions)
	for _, step := range steps {
		rows = step(rows)
	}
	return ok(request.answer(rows, start, top))
}

// page says which rows are asked for.
func (r graphRequest) page() (start, top int, err error) {
	start, top = r.Options.Skip, 100
	if r.Options.Top != nil {
		top = *r.Options.Top
	}
	if top < 1 || top > maxGraphRows || start < 0 {
		return 0, 0, fmt.Errorf("$top must be from 1 to %d, and $skip not negative", maxGraphRows)
	}
	if r.Options.SkipToken == "" {
		return start, top, nil
	}
	decoded, err := base64.StdEncoding.DecodeString(r.Options.SkipToken)
	query, offset, found := strings.Cut(string(decoded), "|")
	start, numberErr := strconv.Atoi(offset)
	if err != nil || !found || numberErr != nil || start < 0 || query != digest(r.Query) {
		return 0, 0, errors.New("the $skipToken is not valid for this query")
	}
	return start, top, nil
}

// answer is a page of rows. The service gives a $skipToken only for rows that
// have an id; without one the result is cut off, and says so.
func (r graphRequest) answer(rows []*value, start, top int) *value {
	page := rows[min(start, len(rows)):min(start+top, len(rows))]
	more := start+len(page) < len(rows)
	hasID := len(page) > 0 && page[0].get("id") != nil
	answer := newObject(
		newMember("totalRecords", newNumber(len(rows))),
		newMember("count", newNumber(len(page))),
		newMember("data", newArray(page...)),
		newMember("facets", newArray()),
		newMember("resultTruncated", newText(strconv.FormatBool(more && !hasID))))
	if strings.EqualFold(r.Options.ResultFormat, "table") {
		answer.set(table(page), "data")
	}
	if more && hasID {
		token := fmt.Sprintf("%s|%d", digest(r.Query), start+len(page))
		answer.set(newText(base64.StdEncoding.EncodeToString([]byte(token))), "$skipToken")
	}
	return answer
}

// table is the older format of results, with the names of columns apart.
func table(page []*value) *value {
	columns, rows := newArray(), newArray()
	for i, row := range page {
		cells := newArray()
		for _, m := range row.members {
			cells.elements = append(cells.elements, m.value)
			if i == 0 {
				columns.elements = append(columns.elements, newObject(newMember("name", newText(m.name)), newMember("type", newText(columnType(m.value)))))
			}
		}
		rows.elements = append(rows.elements, cells)
	}
	return newObject(newMember("columns", columns), newMember("rows", rows))
}

func columnType(v *value) string {
	switch v.kind {
	case kindNumber:
		return "integer"
	case kindBool:
		return "boolean"
	case kindObject, kindArray:
		return "object"
	case kindNull, kindString:
	}
	return "string"
}

// rows are what the table Resources has of subscriptions; without any, all.
func (w *world) rows(subscriptions []string) []*value {
	var rows []*value
	for _, c := range w.clusters {
		wanted := slices.ContainsFunc(subscriptions, func(s string) bool { return strings.EqualFold(s, c.Subscription) })
		if len(subscriptions) > 0 && !wanted {
			continue
		}
		w.settle(c)
		rows = append(rows, w.clusterRow(c))
		for _, pool := range c.document.items("properties", "agentPoolProfiles") {
			rows = append(rows, w.machinesRow(c, pool))
		}
	}
	return rows
}

// clusterRow is a cluster as the Resource Graph has it: the type and the name of
// the group are in lower case, and there is no eTag.
func (w *world) clusterRow(c *cluster) *value {
	row := w.row(c, clusterID(c.Cluster), c.Name, "microsoft.containerservice/managedclusters", c.ResourceGroup)
	for _, name := range []string{"kind", "sku", "tags", "identity", "properties"} {
		if v := c.document.get(name); v != nil {
			row.set(v.clone(), name)
		}
	}
	return row
}

// machinesRow is the scale set of a pool, so that queries have something to
// leave out.
func (w *world) machinesRow(c *cluster, pool *value) *value {
	name := fmt.Sprintf("aks-%s-%s-vmss", pool.str("name"), digest(clusterID(c.Cluster))[:8])
	id := fmt.Sprintf("/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Compute/virtualMachineScaleSets/%s", c.Subscription, c.NodeResourceGroup, name)
	row := w.row(c, id, name, "microsoft.compute/virtualmachinescalesets", c.NodeResourceGroup)
	row.set(newObject(newMember("provisioningState", newText("Succeeded"))), "properties")
	return row
}

func (w *world) row(c *cluster, id, name, kind, group string) *value {
	return newObject(
		newMember("id", newText(id)),
		newMember("name", newText(name)),
		newMember("type", newText(kind)),
		newMember("tenantId", newText(w.cfg.Tenant)),
		newMember("kind", newText("")),
		newMember("location", newText(location(c.Location))),
		newMember("resourceGroup", newText(strings.ToLower(group))),
		newMember("subscriptionId", newText(c.Subscription)),
		newMember("managedBy", newText("")),
		newMember("sku", newNull()),
		newMember("plan", newNull()),
		newMember("properties", newObject()),
		newMember("tags", newNull()),
		newMember("identity", newNull()),
		newMember("zones", newNull()))
}

// queryRefused is the service's answer to a query that it cannot read: what is
// wrong stands in the details, one of them with the place.
func queryRefused(c *call, err error) error {
	var table tableError
	if errors.As(err, &table) {
		return graphError(c, "InvalidQuery", invalidQuery, newObject(
			newMember("code", newText("DisallowedLogicalTableName")),
			newMember("message", newText(fmt.Sprintf("Table %s is invalid, unsupported or disallowed.", string(table))))))
	}
	var parse *queryError
	if !errors.As(err, &parse) {
		return graphError(c, "InvalidQuery", invalidQuery)
	}
	line, character := parse.position()
	return graphError(c, "InvalidQuery", invalidQuery, newObject(
		newMember("code", newText("ParserFailure")),
		newMember("message", newText("ParserFailure")),
		newMember("line", newNumber(line)),
		newMember("characterPositionInLine", newNumber(character)),
		newMember("token", newText(parse.token))))
}

const invalidQuery = "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying."

// graphError is wrapped like a gateway's, with details.
func graphError(c *call, code, message string, details ...*value) *serviceError {
	first := newObject(newMember("code", newText(code)), newMember("message", newText(message)))
	return &serviceError{status: 400, code: "BadRequest", message: message, raw: newObject(newMember("error", newObject(
		newMember("code", newText("BadRequest")),
		newMember("message", newText(fmt.Sprintf("Please provide below info when asking for support: timestamp = %s, correlationId = %s.", timestamp(c.started), c.id))),
		newMember("details", newArray(append([]*value{first}, details...)...)))))}
}

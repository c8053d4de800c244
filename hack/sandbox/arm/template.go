package arm

import (
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
	"text/template"
)

//go:embed cluster.json.tmpl
var clusterTemplate string

// clusterData is what the template of a cluster's document is filled with.
type clusterData struct {
	Cluster
	ID, Tenant string
}

// render makes the document that a cluster starts with. The template is part
// of the package, so a failure is a fault of the program.
func render(c Cluster, tenant string) *value {
	functions := template.FuncMap{
		"q":           quoted,
		"guid":        guid,
		"newETag":     newGUID,
		"resourceUID": func(id string) string { return digest(id)[:24] },
		"minor":       minorVersion,
		"dnsPrefix":   func(fqdn string) string { prefix, _, _ := strings.Cut(fqdn, "."); return prefix },
		"portal":      func(fqdn string) string { return strings.Replace(fqdn, ".", ".portal.", 1) },
		"max":         func(a, b int) int { return max(a, b) },
	}
	var b strings.Builder
	t := template.Must(template.New("cluster").Funcs(functions).Parse(clusterTemplate))
	if err := t.Execute(&b, clusterData{Cluster: c, ID: clusterID(c), Tenant: tenant}); err != nil {
		panic(fmt.Sprintf("fill the template of a cluster: %v", err))
	}
	document, err := parseJSON([]byte(b.String()))
	if err != nil {
		panic(fmt.Sprintf("the template of a cluster: %v", err))
	}
	return document
}

// clusterID spells an id as the resource provider does, with resourcegroups in
// lower case (facts: "compare ARM ids case-insensitively").
func clusterID(c Cluster) string {
	return fmt.Sprintf("/subscriptions/%s/resourcegroups/%s/providers/Microsoft.ContainerService/managedClusters/%s",
		c.Subscription, c.ResourceGroup, c.Name)
}

// minorVersion cuts the patch from a version such as 1.35.4.
func minorVersion(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// guid makes the same GUID from the same words, so that documents are alike in
// every run.
func guid(words ...string) string { return dashed(digest(words...)[:32]) }

func digest(words ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	return hex.EncodeToString(sum[:])
}

// newGUID makes a GUID that nobody has seen before, for eTags, operations and
// request ids.
func newGUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return dashed(hex.EncodeToString(b[:]))
}

func dashed(h string) string {
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:32]
}

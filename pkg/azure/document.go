package azure

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/tailscale/hujson"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Document is a managed cluster as Azure sent it. Editing it keeps every byte
// but those of the change: the order of members, unknown members, the spelling
// of numbers.
type Document struct {
	text []byte
	view documentView
}

// documentView is what the program reads of a document.
type documentView struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Location string `json:"location"`
	ETag     string `json:"eTag"`
	SKU      struct {
		Name string `json:"name"`
	} `json:"sku"`
	Properties struct {
		ProvisioningState        string `json:"provisioningState"`
		KubernetesVersion        string `json:"kubernetesVersion"`
		CurrentKubernetesVersion string `json:"currentKubernetesVersion"`
		NodeResourceGroup        string `json:"nodeResourceGroup"`
		FQDN                     string `json:"fqdn"`
		PrivateFQDN              string `json:"privateFQDN"`
		AzurePortalFQDN          string `json:"azurePortalFQDN"`
		PowerState               struct {
			Code string `json:"code"`
		} `json:"powerState"`
		AgentPoolProfiles []struct {
			Name             string `json:"name"`
			OSType           string `json:"osType"`
			OSSKU            string `json:"osSKU"`
			NodeImageVersion string `json:"nodeImageVersion"`
		} `json:"agentPoolProfiles"`
		ServiceMeshProfile *struct {
			Mode  string `json:"mode"`
			Istio *struct {
				Revisions  []string `json:"revisions"`
				Components *struct {
					Mechanism mesh.Mechanism `json:"proxyRedirectionMechanism"`
				} `json:"components"`
			} `json:"istio"`
		} `json:"serviceMeshProfile"`
	} `json:"properties"`
}

// mechanismPath is the one place in the document that is ever changed.
func mechanismPath() []string {
	return []string{"properties", "serviceMeshProfile", "istio", "components", "proxyRedirectionMechanism"}
}

// readOnlyPaths are the members that Azure sets and that are not sent back; "*"
// stands for every element of an array. The list is that of Azure's own CLI.
func readOnlyPaths() [][]string {
	lines := `
id
name
type
eTag
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
	var paths [][]string
	for line := range strings.FieldsSeq(lines) {
		paths = append(paths, strings.Split(line, "."))
	}
	return paths
}

// ParseDocument reads a managed cluster.
func ParseDocument(text []byte) (*Document, error) {
	d := &Document{text: text}
	if err := json.Unmarshal(text, &d.view); err != nil {
		return nil, fmt.Errorf("the cluster's document is not the JSON that was expected: %w", err)
	}
	if d.view.ID == "" {
		return nil, errors.New("the cluster's document has no id")
	}
	return d, nil
}

// ETag is the version of the cluster that the document shows.
func (d *Document) ETag() string { return d.view.ETag }

// Cluster is what the document says, read with an api-version.
func (d *Document) Cluster(version APIVersion) snapshot.Cluster {
	p := d.view.Properties
	c := snapshot.Cluster{
		Location:          d.view.Location,
		KubernetesVersion: p.CurrentKubernetesVersion,
		ProvisioningState: p.ProvisioningState,
		PowerState:        p.PowerState.Code,
		SKU:               d.view.SKU.Name,
		APIVersion:        version.Name,
		KnowsMechanism:    version.KnowsMechanism,
		NodeResourceGroup: p.NodeResourceGroup,
		FQDN:              p.FQDN,
		PrivateFQDN:       p.PrivateFQDN,
		PortalFQDN:        p.AzurePortalFQDN,
	}
	if c.KubernetesVersion == "" {
		c.KubernetesVersion = p.KubernetesVersion
	}
	for _, pool := range p.AgentPoolProfiles {
		c.Pools = append(c.Pools, snapshot.Pool{
			Name: pool.Name, OSType: pool.OSType, OSSKU: pool.OSSKU, NodeImageVersion: pool.NodeImageVersion,
		})
	}
	profile := p.ServiceMeshProfile
	if profile == nil {
		return c
	}
	c.MeshMode = profile.Mode
	if profile.Istio != nil {
		c.Revisions = profile.Istio.Revisions
	}
	c.Mechanism = d.mechanism(version)
	return c
}

// mechanism is what the document says of the redirection mechanism. A missing
// value means InitContainers, but only if the api-version knows the field.
func (d *Document) mechanism(version APIVersion) mesh.Mechanism {
	profile := d.view.Properties.ServiceMeshProfile
	if !version.KnowsMechanism || profile == nil || profile.Mode != "Istio" {
		return mesh.Unknown
	}
	if profile.Istio == nil || profile.Istio.Components == nil || profile.Istio.Components.Mechanism == "" {
		return mesh.InitContainers
	}
	return profile.Istio.Components.Mechanism
}

// Change is a document prepared for being written back.
type Change struct {
	// Body is what is sent: the document that was read, with the mechanism
	// changed and without what only Azure may set.
	Body []byte
	// Removed are the read-only members that were in the document.
	Removed []string

	before []byte
}

// WithMechanism prepares the change of the redirection mechanism.
func (d *Document) WithMechanism(mechanism mesh.Mechanism) (*Change, error) {
	root, err := hujson.Parse(d.text)
	if err != nil {
		return nil, fmt.Errorf("parse the cluster's document: %w", err)
	}
	change := &Change{}
	for _, path := range readOnlyPaths() {
		removed, err := removePath(&root, path)
		if err != nil {
			return nil, fmt.Errorf("edit the cluster's document: %w", err)
		}
		if removed {
			change.Removed = append(change.Removed, strings.Join(path, "."))
		}
	}
	change.before = root.Pack()
	if err := setMechanism(&root, mechanism); err != nil {
		return nil, fmt.Errorf("edit the cluster's document: %w", err)
	}
	change.Body = root.Pack()
	return change, nil
}

// Diff shows the change of the document as a unified diff of its indented form,
// in which the members that are not sent back are left out on both sides.
func (c *Change) Diff(name string) (string, error) {
	before, err := indent(c.before)
	if err != nil {
		return "", err
	}
	after, err := indent(c.Body)
	if err != nil {
		return "", err
	}
	// The first line repeats the two after it.
	_, lines, _ := strings.Cut(string(diff.Diff(name+" as read", before, name+" as it would be sent", after)), "\n")
	return lines, nil
}

func indent(text []byte) ([]byte, error) {
	value, err := hujson.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("format the cluster's document: %w", err)
	}
	value.Format()
	return append(value.Pack(), '\n'), nil
}

// removePath removes the member at path, if it is there.
func removePath(v *hujson.Value, path []string) (bool, error) {
	if path[0] == "*" {
		return removeInElements(v, path[1:])
	}
	object, ok := v.Value.(*hujson.Object)
	if !ok {
		return false, nil
	}
	i, err := memberIndex(object, path[0])
	if err != nil || i < 0 {
		return false, err
	}
	if len(path) > 1 {
		return removePath(&object.Members[i].Value, path[1:])
	}
	object.Members = slices.Delete(object.Members, i, i+1)
	return true, nil
}

func removeInElements(v *hujson.Value, path []string) (removed bool, err error) {
	array, ok := v.Value.(*hujson.Array)
	if !ok {
		return false, nil
	}
	for i := range array.Elements {
		one, err := removePath(&array.Elements[i], path)
		if err != nil {
			return false, err
		}
		removed = removed || one
	}
	return removed, nil
}

// setMechanism sets the value at mechanismPath(). Objects above it are made only
// where they can be empty otherwise: without its Istio profile a cluster has no
// mesh that could be changed.
func setMechanism(root *hujson.Value, mechanism mesh.Mechanism) error {
	v, mechanismPath := root, mechanismPath()
	for depth, name := range mechanismPath {
		object, ok := v.Value.(*hujson.Object)
		if !ok && depth == len(mechanismPath)-1 && isNull(v) {
			object, ok = &hujson.Object{}, true
			v.Value = object
		}
		if !ok {
			return fmt.Errorf("%s is not an object", strings.Join(mechanismPath[:depth], "."))
		}
		i, err := memberIndex(object, name)
		if err != nil {
			return err
		}
		if i < 0 {
			if depth < len(mechanismPath)-2 {
				return fmt.Errorf("%s is missing", strings.Join(mechanismPath[:depth+1], "."))
			}
			i = len(object.Members)
			object.Members = append(object.Members, newMember(name, depth == len(mechanismPath)-1))
		}
		v = &object.Members[i].Value
	}
	v.Value = hujson.String(string(mechanism))
	return nil
}

func newMember(name string, leaf bool) hujson.ObjectMember {
	member := hujson.ObjectMember{Name: hujson.Value{Value: hujson.String(name)}}
	if leaf {
		member.Value.Value = hujson.Literal("null")
	} else {
		member.Value.Value = &hujson.Object{}
	}
	return member
}

func isNull(v *hujson.Value) bool {
	literal, ok := v.Value.(hujson.Literal)
	return ok && string(literal) == "null"
}

// memberIndex finds a member by name, -1 if there is none. A name that stands
// twice is refused: which of the two Azure means cannot be known.
func memberIndex(object *hujson.Object, name string) (int, error) {
	found := -1
	for i, member := range object.Members {
		literal, ok := member.Name.Value.(hujson.Literal)
		if !ok || literal.String() != name {
			continue
		}
		if found >= 0 {
			return -1, fmt.Errorf("member %s stands twice", strconv.Quote(name))
		}
		found = i
	}
	return found, nil
}

package arm

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestDocumentIsLargeAndUnusual(t *testing.T) {
	document := parsed(t, start(t).Document(""))
	members := 0
	document.walk("", func(string) { members++ })
	nulls := strings.Count(string(document.bytes()), ": null")
	if members < 300 || nulls < 3 {
		t.Errorf("%d members and %d nulls are too few", members, nulls)
	}
	text := compact(t, document.bytes())
	for _, unusual := range []string{`:1e3,`, `:3.0,`, `:12345678901234567890,`, `:9007199254740993,`, `[1,2.0,3e0]`, `:-1.0,`, `"details":{}`, `[["otlp","198.51.100.7"],[]]`} {
		if !strings.Contains(text, unusual) {
			t.Errorf("%s is missing", unusual)
		}
	}
}

// Addresses are those set aside for documentation, so that nothing here is
// anybody's.
func TestDocumentNamesNobody(t *testing.T) {
	text := string(start(t).Document(""))
	for _, address := range regexp.MustCompile(`"\d+\.\d+\.\d+\.\d+`).FindAllString(text, -1) {
		if !slices.ContainsFunc([]string{`"192.0.2.`, `"198.51.100.`, `"203.0.113.`}, func(p string) bool { return strings.HasPrefix(address, p) }) {
			t.Errorf("%s is not for documentation", address)
		}
	}
}

func TestDocumentHasMembersThatTheSpecificationLacks(t *testing.T) {
	knownText, err := os.ReadFile("known.json")
	if err != nil {
		t.Fatal(err)
	}
	known := shapeOf(parsed(t, knownText))
	known.widen()
	document := parsed(t, start(t).Document(""))
	before := len(document.bytes())
	if err := document.conform(known, nil, true); err != nil {
		t.Fatal(err)
	}
	if lost := before - len(document.bytes()); lost < 1000 {
		t.Errorf("only %d bytes are unknown to the specification", lost)
	}
}

func TestSchema(t *testing.T) {
	schema, old := newShape(true), newShape(false)
	for _, test := range []struct {
		name, document string
		schema         *shape
		want           string
	}{
		{"nothing", `{}`, schema, ""},
		{"mechanism", `{"properties":{"serviceMeshProfile":{"istio":{"components":{"proxyRedirectionMechanism":"x"}}}}}`, schema, ""},
		{"mechanism before its time", `{"properties":{"serviceMeshProfile":{"istio":{"components":{"proxyRedirectionMechanism":"x"}}}}}`, old, `json: unknown field "proxyRedirectionMechanism"`},
		{"unknown at the top", `{"property":{}}`, schema, `json: unknown field "property"`},
		{"unknown in an element", `{"properties":{"agentPoolProfiles":[{"name":"a"},{"nome":"b"}]}}`, schema, `json: unknown field "nome"`},
		{"unknown in what no SDK knows", `{"properties":{"controlPlaneShape":{"generations":1}}}`, schema, `json: unknown field "generations"`},
		{"known to no SDK", `{"properties":{"controlPlaneShape":{"generation":1}}}`, schema, ""},
		{"optional, not in the document", `{"properties":{"httpProxyConfig":{"noProxy":["contoso.com"]}}}`, schema, ""},
		{"any tag", `{"tags":{"anything":"goes"}}`, schema, ""},
		{"a tag that is no text", `{"tags":{"anything":1}}`, schema, `json: cannot unmarshal number into Go struct field tags.anything of type string`},
		{"any add-on", `{"properties":{"addonProfiles":{"other":{"enabled":true,"config":{"a":"b"}}}}}`, schema, ""},
		{"unknown in an add-on", `{"properties":{"addonProfiles":{"other":{"enable":true}}}}`, schema, `json: unknown field "enable"`},
		{"null", `{"properties":{"agentPoolProfiles":null}}`, schema, ""},
		{"array for object", `{"properties":[]}`, schema, `json: cannot unmarshal array into Go struct field properties of type object`},
		{"text for number", `{"properties":{"agentPoolProfiles":[{"count":"3"}]}}`, schema, `json: cannot unmarshal string into Go struct field properties.agentPoolProfiles.count of type number`},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := parsed(t, []byte(test.document)).conform(test.schema, nil, false)
			got := ""
			if err != nil {
				got = err.Error()
			}
			equal(t, "error", got, test.want)
		})
	}
}

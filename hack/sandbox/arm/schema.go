package arm

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

// knownMembers has every member of a managed cluster that Azure's API
// specification of 2026-04-01 names, with a value of its type; "*" is any name.
//
//go:embed known.json
var knownMembers []byte

// A shape is the schema of a value. It is made from examples: the schema of a
// managed cluster is the shape of the document that this package serves, which
// has members that no SDK knows and that the service therefore knows, together
// with the shape of what the API specification names. Whatever is in neither is
// an unknown field to the service.
type shape struct {
	// kind kindNull means that any type will do.
	kind   kind
	fields map[string]*shape
	// other is the shape of members with any name, nil if only fields may be there.
	other   *shape
	element *shape
}

// mechanismPath is where a document says how traffic is redirected.
func mechanismPath() []string {
	return []string{"properties", "serviceMeshProfile", "istio", "components", "proxyRedirectionMechanism"}
}

// newShape is the schema of a managed cluster. Without the mechanism it is that
// of the api-versions before the field.
func newShape(withMechanism bool) *shape {
	known, err := parseJSON(knownMembers)
	if err != nil {
		panic(fmt.Sprintf("known.json: %v", err))
	}
	if !withMechanism {
		known.remove(mechanismPath()...)
	}
	example := render(Cluster{Pools: []Pool{{OSType: "Linux"}, {OSType: "Windows"}}}, "")
	s := shapeOf(example).join(shapeOf(known))
	s.widen()
	return s
}

func shapeOf(v *value) *shape {
	s := &shape{kind: v.kind, fields: map[string]*shape{}}
	for _, m := range v.members {
		s.fields[m.name] = shapeOf(m.value)
	}
	for _, element := range v.elements {
		s.element = s.element.join(shapeOf(element))
	}
	return s
}

// join makes the shape that accepts what either accepts.
func (s *shape) join(t *shape) *shape {
	if s == nil {
		return t
	}
	if t == nil {
		return s
	}
	joined := &shape{kind: s.kind, fields: map[string]*shape{}, element: s.element.join(t.element)}
	if s.kind != t.kind && t.kind != kindNull {
		joined.kind = t.kind
		if s.kind != kindNull {
			joined.kind = kindNull
		}
	}
	for _, fields := range []map[string]*shape{s.fields, t.fields} {
		for name, field := range fields {
			joined.fields[name] = joined.fields[name].join(field)
		}
	}
	return joined
}

// widen turns an object that may have members of any name into one whose every
// member has the same shape, that of all its examples together.
func (s *shape) widen() {
	if s == nil {
		return
	}
	s.element.widen()
	_, open := s.fields["*"]
	for _, field := range s.fields {
		if open {
			s.other = s.other.join(field)
		}
	}
	if open {
		s.fields = nil
		s.other.widen()
	}
	for _, field := range s.fields {
		field.widen()
	}
}

func (s *shape) field(name string) *shape {
	if s.other != nil {
		return s.other
	}
	return s.fields[name]
}

// conform holds a value against a shape. A lenient check drops the members that
// the shape does not know instead of complaining.
func (v *value) conform(s *shape, path []string, lenient bool) error {
	if s == nil || s.kind == kindNull || v.kind == kindNull {
		return nil
	}
	if v.kind != s.kind {
		return fmt.Errorf("json: cannot unmarshal %s into Go struct field %s of type %s", v.kind, strings.Join(path, "."), s.kind)
	}
	for _, element := range v.elements {
		if err := element.conform(s.element, path, lenient); err != nil {
			return err
		}
	}
	if lenient {
		v.members = slices.DeleteFunc(v.members, func(m member) bool { return s.field(m.name) == nil })
	}
	for _, m := range v.members {
		field := s.field(m.name)
		if field == nil {
			return fmt.Errorf("json: unknown field %q", m.name)
		}
		if err := m.value.conform(field, append(path, m.name), lenient); err != nil {
			return err
		}
	}
	return nil
}

package arm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// kind is the JSON type of a value. The zero kind stands for null, which says
// nothing about the type that a member has otherwise.
type kind int

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

func (k kind) String() string {
	return [...]string{"null", "bool", "number", "string", "array", "object"}[k]
}

// value is a JSON value that keeps what encoding/json would lose: the order of
// members, and how numbers and strings are spelled. So a document survives
// GET, PUT and GET again byte for byte, as it does in the service.
type value struct {
	kind kind
	// scalar is the spelling of a null, boolean, number or string.
	scalar   string
	members  []member
	elements []*value
}

type member struct {
	name string
	// spelled is the name as it stood in the text, with its quotes.
	spelled string
	value   *value
}

// errDuplicate is a member name that stands twice in one object.
var errDuplicate = errors.New("duplicate member")

func parseJSON(data []byte) (*value, error) {
	if !json.Valid(data) {
		return nil, errors.New("not valid JSON")
	}
	p := &treeParser{data: data, decoder: json.NewDecoder(bytes.NewReader(data))}
	p.decoder.UseNumber()
	return p.value()
}

type treeParser struct {
	data    []byte
	decoder *json.Decoder
}

// token reads the next token and how it is spelled.
func (p *treeParser) token() (json.Token, string, error) {
	start := p.decoder.InputOffset()
	token, err := p.decoder.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, "", err
	}
	spelled := p.data[start:p.decoder.InputOffset()]
	return token, strings.TrimLeft(string(spelled), " \t\r\n,:"), nil
}

func (p *treeParser) value() (*value, error) {
	token, spelled, err := p.token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return p.object()
		}
		return p.array()
	case bool:
		return &value{kind: kindBool, scalar: spelled}, nil
	case json.Number:
		return &value{kind: kindNumber, scalar: spelled}, nil
	case string:
		return &value{kind: kindString, scalar: spelled}, nil
	}
	return &value{kind: kindNull, scalar: spelled}, nil
}

func (p *treeParser) object() (*value, error) {
	v := &value{kind: kindObject}
	seen := map[string]bool{}
	for p.decoder.More() {
		token, spelled, err := p.token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if seen[name] {
			return nil, fmt.Errorf("%w %q", errDuplicate, name)
		}
		seen[name] = true
		inner, err := p.value()
		if err != nil {
			return nil, err
		}
		v.members = append(v.members, member{name, spelled, inner})
	}
	_, _, err := p.token()
	return v, err
}

func (p *treeParser) array() (*value, error) {
	v := &value{kind: kindArray}
	for p.decoder.More() {
		element, err := p.value()
		if err != nil {
			return nil, err
		}
		v.elements = append(v.elements, element)
	}
	_, _, err := p.token()
	return v, err
}

// bytes spells a value the way the resource provider does: every member and
// element on a line of its own, indented by one space.
func (v *value) bytes() []byte {
	var b bytes.Buffer
	v.write(&b, "\n")
	return b.Bytes()
}

func (v *value) write(b *bytes.Buffer, newline string) {
	switch v.kind {
	case kindObject:
		writeList(b, "{}", newline, len(v.members), func(i int, newline string) {
			b.WriteString(v.members[i].spelled + ": ")
			v.members[i].value.write(b, newline)
		})
	case kindArray:
		writeList(b, "[]", newline, len(v.elements), func(i int, newline string) {
			v.elements[i].write(b, newline)
		})
	default:
		b.WriteString(v.scalar)
	}
}

func writeList(b *bytes.Buffer, brackets, newline string, n int, item func(i int, newline string)) {
	b.WriteByte(brackets[0])
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(newline + " ")
		item(i, newline+" ")
	}
	if n > 0 {
		b.WriteString(newline)
	}
	b.WriteByte(brackets[1])
}

func (v *value) clone() *value {
	c := *v
	c.members = slices.Clone(v.members)
	for i := range c.members {
		c.members[i].value = c.members[i].value.clone()
	}
	c.elements = slices.Clone(v.elements)
	for i := range c.elements {
		c.elements[i] = c.elements[i].clone()
	}
	return &c
}

// get finds the value at a path of member names. It is nil if there is none.
func (v *value) get(path ...string) *value {
	for _, name := range path {
		if v == nil {
			return nil
		}
		i := v.index(name)
		if i < 0 {
			return nil
		}
		v = v.members[i].value
	}
	return v
}

func (v *value) index(name string) int {
	return slices.IndexFunc(v.members, func(m member) bool { return m.name == name })
}

// set puts a value at a path, and makes the objects above it as needed.
func (v *value) set(to *value, path ...string) {
	i := v.index(path[0])
	if i < 0 {
		i = len(v.members)
		v.members = append(v.members, newMember(path[0], &value{kind: kindObject}))
	}
	if len(path) == 1 {
		v.members[i].value = to
		return
	}
	v.members[i].value.set(to, path[1:]...)
}

func (v *value) remove(path ...string) {
	last := len(path) - 1
	parent := v.get(path[:last]...)
	if parent == nil {
		return
	}
	if i := parent.index(path[last]); i >= 0 {
		parent.members = slices.Delete(parent.members, i, i+1)
	}
}

// str is the text at a path, empty if there is none.
func (v *value) str(path ...string) string {
	found := v.get(path...)
	if found == nil || found.kind != kindString {
		return ""
	}
	var s string
	if err := json.Unmarshal([]byte(found.scalar), &s); err != nil {
		return ""
	}
	return s
}

// items are the elements of the array at a path.
func (v *value) items(path ...string) []*value {
	if found := v.get(path...); found != nil {
		return found.elements
	}
	return nil
}

func newMember(name string, v *value) member { return member{name, quoted(name), v} }

func newText(s string) *value { return &value{kind: kindString, scalar: quoted(s)} }

func newBool(b bool) *value { return &value{kind: kindBool, scalar: strconv.FormatBool(b)} }

func newNumber(n int) *value { return &value{kind: kindNumber, scalar: strconv.Itoa(n)} }

func newObject(members ...member) *value { return &value{kind: kindObject, members: members} }

func newArray(elements ...*value) *value { return &value{kind: kindArray, elements: elements} }

func newNull() *value { return &value{kind: kindNull, scalar: "null"} }

// quoted spells a string in JSON, without escaping what only HTML needs.
func quoted(s string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		return `""`
	}
	return strings.TrimRight(b.String(), "\n")
}

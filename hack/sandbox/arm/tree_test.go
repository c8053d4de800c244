package arm

import (
	"errors"
	"strings"
	"testing"
)

func TestTreeKeepsSpelling(t *testing.T) {
	const written = `{"b":1.0,"a":[1e3,-0.10E+2,12345678901234567890,null,true,false,[],{}],"\u0061b":"\u00fc\/<&>ü","z":{"y":{"x":""}}}`
	if got := compact(t, parsed(t, []byte(written)).bytes()); got != written {
		t.Errorf("got  %s\nwant %s", got, written)
	}
}

func TestTreeSpellsLikeTheProvider(t *testing.T) {
	const want = "{\n \"a\": 1,\n \"b\": [\n  {},\n  []\n ],\n \"c\": {\n  \"d\": null\n }\n}"
	equal(t, "spelling", string(parsed(t, []byte(`{"a":1,"b":[{},[]],"c":{"d":null}}`)).bytes()), want)
}

func TestTreeRefuses(t *testing.T) {
	for _, written := range []string{``, `{`, `{"a":1,}`, `{"a":1} x`, `{"a":01}`, `{a:1}`, `{"a":"`, strings.Repeat("[", 20000)} {
		if _, err := parseJSON([]byte(written)); err == nil {
			t.Errorf("%.20q was accepted", written)
		}
	}
	if _, err := parseJSON([]byte(`{"a":{"b":1,"b":2}}`)); !errors.Is(err, errDuplicate) {
		t.Errorf("a member that stands twice: %v", err)
	}
}

func TestTreePaths(t *testing.T) {
	v := parsed(t, []byte(`{"a":{"b":"c"},"d":[1]}`))
	equal(t, "text", v.str("a", "b"), "c")
	equal(t, "text of a number", v.str("d"), "")
	if v.get("a", "x", "y") != nil || v.get("d", "0") != nil {
		t.Error("found what is not there")
	}
	copied := v.clone()
	v.set(newText("new"), "a", "x", "y")
	v.remove("a", "b")
	v.remove("q", "r")
	equal(t, "changed", compact(t, v.bytes()), `{"a":{"x":{"y":"new"}},"d":[1]}`)
	equal(t, "copy", compact(t, copied.bytes()), `{"a":{"b":"c"},"d":[1]}`)
}

func TestQuotedEscapesOnlyWhatJSONNeeds(t *testing.T) {
	equal(t, "quoted", quoted("a<b>&\"\n"), `"a<b>&\"\n"`)
}

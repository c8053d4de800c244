package arm

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

func filter(condition expression) step {
	return func(rows []*value) []*value {
		return slices.DeleteFunc(rows, func(row *value) bool { return !isTrue(condition(row)) })
	}
}

func project(columns []column) step {
	return func(rows []*value) []*value {
		for i, row := range rows {
			projected := newObject()
			for _, c := range columns {
				projected.set(orNull(c.value(row)), c.name)
			}
			rows[i] = projected
		}
		return rows
	}
}

func extend(columns []column) step {
	return func(rows []*value) []*value {
		for _, row := range rows {
			for _, c := range columns {
				row.set(orNull(c.value(row)), c.name)
			}
		}
		return rows
	}
}

type sortKey struct {
	value      expression
	descending bool
}

func order(keys []sortKey) step {
	return func(rows []*value) []*value {
		slices.SortStableFunc(rows, func(a, b *value) int {
			for _, key := range keys {
				c := compareValues(key.value(a), key.value(b))
				if key.descending {
					c = -c
				}
				if c != 0 {
					return c
				}
			}
			return 0
		})
		return rows
	}
}

func orNull(v *value) *value {
	if v == nil {
		return newNull()
	}
	return v
}

func isTrue(v *value) bool { return v != nil && v.kind == kindBool && v.scalar == "true" }

func isMissing(v *value) bool { return v == nil || v.kind == kindNull }

// plain is a value as text: what is missing is empty, a string is without
// quotes, and an object is its JSON.
func plain(v *value) string {
	switch {
	case isMissing(v):
		return ""
	case v.kind == kindString:
		return newObject(newMember("v", v)).str("v")
	}
	return string(v.bytes())
}

func compareValues(a, b *value) int {
	x, xIsNumber := numeric(a)
	y, yIsNumber := numeric(b)
	if xIsNumber && yIsNumber {
		return cmp.Compare(x, y)
	}
	return strings.Compare(plain(a), plain(b))
}

func numeric(v *value) (float64, bool) {
	if v == nil || v.kind != kindNumber {
		return 0, false
	}
	f, err := json.Number(v.scalar).Float64()
	return f, err == nil
}

// comparisonOf is what an operator does, nil if it is none. Operators with a
// tilde and those with words do not regard case.
func comparisonOf(t token) func(a, b *value) bool {
	onText := func(test func(a, b string) bool) func(a, b *value) bool {
		return func(a, b *value) bool {
			return !isMissing(a) && test(strings.ToLower(plain(a)), strings.ToLower(plain(b)))
		}
	}
	operators := map[string]func(a, b *value) bool{
		"==":         func(a, b *value) bool { return !isMissing(a) && compareValues(a, b) == 0 },
		"!=":         func(a, b *value) bool { return compareValues(a, b) != 0 },
		"<":          func(a, b *value) bool { return !isMissing(a) && compareValues(a, b) < 0 },
		">":          func(a, b *value) bool { return !isMissing(a) && compareValues(a, b) > 0 },
		"<=":         func(a, b *value) bool { return !isMissing(a) && compareValues(a, b) <= 0 },
		">=":         func(a, b *value) bool { return !isMissing(a) && compareValues(a, b) >= 0 },
		"=~":         onText(func(a, b string) bool { return a == b }),
		"!~":         func(a, b *value) bool { return !strings.EqualFold(plain(a), plain(b)) },
		"contains":   onText(strings.Contains),
		"startswith": onText(strings.HasPrefix),
		"endswith":   onText(strings.HasSuffix),
		"has":        onText(hasTerm),
	}
	if t.kind != tokenSymbol && t.kind != tokenName {
		return nil
	}
	return operators[strings.ToLower(t.text)]
}

// hasTerm reports whether a term stands in a text as a word of its own.
func hasTerm(s, term string) bool {
	for at := 0; term != ""; {
		i := strings.Index(s[at:], term)
		if i < 0 {
			return false
		}
		start, end := at+i, at+i+len(term)
		if (start == 0 || !isLetterOrDigit(s[start-1])) && (end == len(s) || !isLetterOrDigit(s[end])) {
			return true
		}
		at = start + 1
	}
	return false
}

// functionOf is a function of the language, nil if it is not known here.
func functionOf(name string) func(*value) *value {
	return map[string]func(*value) *value{
		"tostring":   func(v *value) *value { return newText(plain(v)) },
		"tolower":    func(v *value) *value { return newText(strings.ToLower(plain(v))) },
		"toupper":    func(v *value) *value { return newText(strings.ToUpper(plain(v))) },
		"isempty":    func(v *value) *value { return newBool(plain(v) == "") },
		"isnotempty": func(v *value) *value { return newBool(plain(v) != "") },
		"isnull":     func(v *value) *value { return newBool(isMissing(v)) },
		"isnotnull":  func(v *value) *value { return newBool(!isMissing(v)) },
		"not":        func(v *value) *value { return newBool(!isTrue(v)) },
	}[strings.ToLower(name)]
}

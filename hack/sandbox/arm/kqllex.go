package arm

import (
	"fmt"
	"strings"
)

// tokenKind tells the tokens of a query apart.
type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenString
	tokenNumber
	tokenSymbol
)

// A token of a query. The text of a string is without its quotes.
type token struct {
	kind tokenKind
	text string
	// at is where it stands in the query, counted in bytes.
	at int
}

// is reports whether the token is a symbol or a keyword.
func (t token) is(text string) bool {
	return t.kind == tokenSymbol && t.text == text || t.kind == tokenName && strings.EqualFold(t.text, text)
}

// A queryError is a query that cannot be read, and where.
type queryError struct {
	query, token string
	at           int
}

func (e *queryError) Error() string { return fmt.Sprintf("unexpected %q at %d", e.token, e.at) }

// position counts lines from 1 and characters from 0, as the service does.
func (e *queryError) position() (line, character int) {
	before := e.query[:min(e.at, len(e.query))]
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndex(before, "\n") - 1
}

// lex splits a query into tokens.
func lex(query string) ([]token, error) {
	var tokens []token
	for at := 0; at < len(query); {
		switch c := query[at]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			at++
			continue
		case strings.HasPrefix(query[at:], "//"):
			at += length(query[at:], func(c byte) bool { return c != '\n' })
			continue
		}
		t, size := next(query, at)
		if size == 0 {
			return nil, &queryError{query, query[at:], at}
		}
		tokens = append(tokens, t)
		at += size
	}
	return append(tokens, token{kind: tokenEnd, at: len(query)}), nil
}

// next reads the token at a place, and says how long it is there; 0 is none.
func next(query string, at int) (token, int) {
	rest := query[at:]
	switch c := rest[0]; {
	case c == '\'' || c == '"':
		text, size := quotedString(rest)
		return token{tokenString, text, at}, size
	case isLetter(c):
		// in~ is the only name that does not end with a letter or a digit.
		n := length(rest, isLetterOrDigit)
		if strings.EqualFold(rest[:n], "in") && strings.HasPrefix(rest[n:], "~") {
			n++
		}
		return token{tokenName, rest[:n], at}, n
	case isDigit(c):
		n := length(rest, func(c byte) bool { return isDigit(c) || c == '.' })
		return token{tokenNumber, rest[:n], at}, n
	}
	for _, symbol := range []string{"==", "=~", "!=", "!~", "<=", ">=", "|", "(", ")", "[", "]", ",", ".", "=", "<", ">", "!"} {
		if strings.HasPrefix(rest, symbol) {
			return token{tokenSymbol, symbol, at}, len(symbol)
		}
	}
	return token{}, 0
}

// quotedString reads a string with backslash escapes, and says how long it is in
// the query; 0 means that it does not end.
func quotedString(rest string) (string, int) {
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case rest[0]:
			return b.String(), i + 1
		case '\n':
			return "", 0
		case '\\':
			i++
			if i == len(rest) {
				return "", 0
			}
			escapes := map[byte]byte{'n': '\n', 't': '\t', 'r': '\r'}
			if c, special := escapes[rest[i]]; special {
				b.WriteByte(c)
				continue
			}
		}
		b.WriteByte(rest[i])
	}
	return "", 0
}

func length(s string, in func(byte) bool) int {
	for i := range len(s) {
		if !in(s[i]) {
			return i
		}
	}
	return len(s)
}

func isDigit(c byte) bool         { return c >= '0' && c <= '9' }
func isLetter(c byte) bool        { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '$' }
func isLetterOrDigit(c byte) bool { return isLetter(c) || isDigit(c) }

package arm

import (
	"strconv"
	"strings"
)

// The part of the Kusto query language that a client of clusters would send:
//
//	Resources
//	| where type =~ 'microsoft.containerservice/managedclusters'
//	| where properties.fqdn =~ 'a' or (name has 'b' and location in~ ('c', 'd'))
//	| extend mode = tostring(properties.serviceMeshProfile.mode)
//	| project id, name, mode
//	| order by name asc
//	| take 10
//
// and count. Anything else is an error, as it would be for a typing mistake.

// A step transforms rows.
type step func(rows []*value) []*value

// An expression computes a value from a row. A missing value is nil.
type expression func(row *value) *value

// A tableError is a query of a table that is not here.
type tableError string

func (e tableError) Error() string { return "table " + string(e) + " is not known" }

type queryParser struct {
	query  string
	tokens []token
}

// parseQuery reads a query into steps.
func parseQuery(query string) ([]step, error) {
	tokens, err := lex(query)
	if err != nil {
		return nil, err
	}
	p := &queryParser{query, tokens}
	first := p.peek()
	if first.is("where") {
		// The table may be left out.
		return p.steps()
	}
	if first.kind != tokenName {
		return nil, p.unexpected()
	}
	p.take()
	if !first.is("Resources") {
		return nil, tableError(first.text)
	}
	if p.peek().kind == tokenEnd {
		return nil, nil
	}
	if err := p.expect("|"); err != nil {
		return nil, err
	}
	return p.steps()
}

func (p *queryParser) peek() token { return p.tokens[0] }

func (p *queryParser) take() token {
	t := p.tokens[0]
	if t.kind != tokenEnd {
		p.tokens = p.tokens[1:]
	}
	return t
}

// accept takes the next token if it is what is asked for.
func (p *queryParser) accept(text string) bool {
	if !p.peek().is(text) {
		return false
	}
	p.take()
	return true
}

func (p *queryParser) expect(text string) error {
	if !p.accept(text) {
		return p.unexpected()
	}
	return nil
}

func (p *queryParser) unexpected() error {
	return &queryError{p.query, p.peek().text, p.peek().at}
}

func (p *queryParser) steps() ([]step, error) {
	var steps []step
	for {
		s, err := p.step()
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
		if p.peek().kind == tokenEnd {
			return steps, nil
		}
		if err := p.expect("|"); err != nil {
			return nil, err
		}
	}
}

func (p *queryParser) step() (step, error) {
	switch {
	case p.accept("where"):
		condition, err := p.or()
		return filter(condition), err
	case p.accept("project"):
		columns, err := p.columns()
		return project(columns), err
	case p.accept("extend"):
		columns, err := p.columns()
		return extend(columns), err
	case p.accept("take"), p.accept("limit"):
		n, err := p.number()
		return func(rows []*value) []*value { return rows[:min(n, len(rows))] }, err
	case p.accept("order"), p.accept("sort"):
		return p.order()
	case p.accept("count"):
		return func(rows []*value) []*value {
			return []*value{newObject(newMember("Count", newNumber(len(rows))))}
		}, nil
	}
	return nil, p.unexpected()
}

func (p *queryParser) number() (int, error) {
	n, err := strconv.Atoi(p.peek().text)
	if err != nil || p.peek().kind != tokenNumber {
		return 0, p.unexpected()
	}
	p.take()
	return n, nil
}

// A column of a projection.
type column struct {
	name  string
	value expression
}

func (p *queryParser) columns() ([]column, error) {
	var columns []column
	for {
		c, err := p.column()
		if err != nil {
			return nil, err
		}
		columns = append(columns, c)
		if !p.accept(",") {
			return columns, nil
		}
	}
}

// column reads NAME = EXPRESSION, or an expression that is named after its path.
func (p *queryParser) column() (column, error) {
	if p.peek().kind == tokenName && p.tokens[1].is("=") {
		name := p.take().text
		p.take()
		value, err := p.or()
		return column{name, value}, err
	}
	before := p.tokens
	value, err := p.or()
	return column{columnName(before[:len(before)-len(p.tokens)]), value}, err
}

// columnName is how a column without a name is called: properties.fqdn and
// tostring(properties.fqdn) are properties_fqdn.
func columnName(tokens []token) string {
	var path []string
	for i, t := range tokens {
		if t.kind == tokenName && (i+1 == len(tokens) || !tokens[i+1].is("(")) {
			path = append(path, t.text)
		}
	}
	return strings.Join(path, "_")
}

func (p *queryParser) order() (step, error) {
	if err := p.expect("by"); err != nil {
		return nil, err
	}
	var keys []sortKey
	for {
		value, err := p.primary()
		if err != nil {
			return nil, err
		}
		// Descending is what the language does unless told otherwise.
		descending := !p.accept("asc")
		if descending {
			p.accept("desc")
		}
		keys = append(keys, sortKey{value, descending})
		if !p.accept(",") {
			return order(keys), nil
		}
	}
}

func (p *queryParser) or() (expression, error) {
	return p.chain("or", p.and, func(a, b bool) bool { return a || b })
}

func (p *queryParser) and() (expression, error) {
	return p.chain("and", p.comparison, func(a, b bool) bool { return a && b })
}

// chain reads operands with the same operator between them.
func (p *queryParser) chain(operator string, operand func() (expression, error), combine func(a, b bool) bool) (expression, error) {
	left, err := operand()
	for err == nil && p.accept(operator) {
		var right expression
		right, err = operand()
		first := left
		left = func(row *value) *value { return newBool(combine(isTrue(first(row)), isTrue(right(row)))) }
	}
	return left, err
}

func (p *queryParser) comparison() (expression, error) {
	left, err := p.primary()
	if err != nil {
		return nil, err
	}
	negated := p.accept("!")
	operator := p.peek()
	if operator.is("in") || operator.is("in~") {
		p.take()
		return p.membership(left, operator.text, negated)
	}
	compare := comparisonOf(operator)
	if compare == nil {
		if negated {
			return nil, p.unexpected()
		}
		return left, nil
	}
	p.take()
	right, err := p.primary()
	return func(row *value) *value { return newBool(compare(left(row), right(row)) != negated) }, err
}

// membership reads the list of in, in~ and their negations.
func (p *queryParser) membership(left expression, operator string, negated bool) (expression, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var options []expression
	for {
		option, err := p.primary()
		if err != nil {
			return nil, err
		}
		options = append(options, option)
		if !p.accept(",") {
			break
		}
	}
	equal := comparisonOf(token{kind: tokenSymbol, text: "=="})
	if strings.HasSuffix(operator, "~") {
		equal = comparisonOf(token{kind: tokenSymbol, text: "=~"})
	}
	return func(row *value) *value {
		for _, option := range options {
			if equal(left(row), option(row)) {
				return newBool(!negated)
			}
		}
		return newBool(negated)
	}, p.expect(")")
}

// primary reads a literal, a path, a call of a function or a parenthesis.
func (p *queryParser) primary() (expression, error) {
	t := p.take()
	switch {
	case t.kind == tokenString:
		return constant(newText(t.text)), nil
	case t.kind == tokenNumber:
		return constant(&value{kind: kindNumber, scalar: t.text}), nil
	case t.is("true"), t.is("false"):
		return constant(newBool(t.is("true"))), nil
	case t.is("("):
		inner, err := p.or()
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	case t.kind == tokenName && p.peek().is("("):
		return p.function(t)
	case t.kind == tokenName:
		return p.path(t.text)
	}
	return nil, &queryError{p.query, t.text, t.at}
}

func (p *queryParser) function(name token) (expression, error) {
	apply := functionOf(name.text)
	if apply == nil {
		return nil, &queryError{p.query, name.text, name.at}
	}
	p.take()
	argument, err := p.or()
	if err != nil {
		return nil, err
	}
	return func(row *value) *value { return apply(argument(row)) }, p.expect(")")
}

// path reads a.b['c'][0].
func (p *queryParser) path(column string) (expression, error) {
	read := func(row *value) *value { return row.get(column) }
	for {
		outer := read
		switch {
		case p.accept("."):
			name := p.take()
			if name.kind != tokenName {
				return nil, &queryError{p.query, name.text, name.at}
			}
			read = func(row *value) *value { return outer(row).get(name.text) }
		case p.accept("["):
			key := p.take()
			if key.kind != tokenString && key.kind != tokenNumber {
				return nil, &queryError{p.query, key.text, key.at}
			}
			read = func(row *value) *value { return element(outer(row), key) }
			if err := p.expect("]"); err != nil {
				return nil, err
			}
		default:
			return read, nil
		}
	}
}

func element(v *value, key token) *value {
	if key.kind == tokenString {
		return v.get(key.text)
	}
	i, err := strconv.Atoi(key.text)
	if v == nil || err != nil || i >= len(v.elements) {
		return nil
	}
	return v.elements[i]
}

func constant(v *value) expression { return func(*value) *value { return v } }

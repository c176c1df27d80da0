package history

import (
	"fmt"
)

// cursor walks the tokens of one statement. Its methods never fail to advance past the end: they give tokEOF.
type cursor struct {
	src  string
	toks []token
	i    int
	ses  Session
	// asWritten keeps the quotes of literals, as Debezium's MariaDB connector does.
	asWritten bool
}

var eof = token{kind: tokEOF}

func (c *cursor) peek() token { return c.at(0) }

func (c *cursor) at(n int) token {
	if c.i+n < len(c.toks) {
		return c.toks[c.i+n]
	}
	return eof
}

func (c *cursor) next() token {
	t := c.peek()
	if c.i < len(c.toks) {
		c.i++
	}
	return t
}

// accept consumes the keywords if they follow in this order.
func (c *cursor) accept(keywords ...string) bool {
	for n, k := range keywords {
		if !c.at(n).is(k) {
			return false
		}
	}
	c.i += len(keywords)
	return true
}

// acceptAny consumes one of the keywords.
func (c *cursor) acceptAny(keywords ...string) bool {
	if c.peek().isAny(keywords...) {
		c.i++
		return true
	}
	return false
}

func (c *cursor) acceptPunct(p byte) bool {
	if c.peek().punct(p) {
		c.i++
		return true
	}
	return false
}

func (c *cursor) unexpected(want string) error {
	t := c.peek()
	if t.kind == tokEOF {
		return fmt.Errorf("expected %s at the end", want)
	}
	return fmt.Errorf("expected %s at %q", want, clip(c.src[t.start:]))
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// ident reads a name.
func (c *cursor) ident() (string, error) {
	t := c.peek()
	if !t.name() {
		return "", c.unexpected("a name")
	}
	c.i++
	return t.text, nil
}

// tableID reads name or db.name.
func (c *cursor) tableID() (TableID, error) {
	first, err := c.ident()
	if err != nil {
		return TableID{}, err
	}
	if !c.acceptPunct('.') {
		return TableID{DB: c.ses.Database, Name: first}, nil
	}
	second, err := c.ident()
	return TableID{DB: first, Name: second}, err
}

// parens consumes a balanced (…) if one follows, and returns the tokens inside.
func (c *cursor) parens() ([]token, bool) {
	if !c.peek().punct('(') {
		return nil, false
	}
	from, depth := c.i+1, 0
	for ; c.i < len(c.toks); c.i++ {
		switch {
		case c.toks[c.i].punct('('):
			depth++
		case c.toks[c.i].punct(')'):
			if depth--; depth == 0 {
				c.i++
				return c.toks[from : c.i-1], true
			}
		}
	}
	return c.toks[from:], true
}

// split cuts tokens at the commas outside of parentheses.
func split(toks []token) [][]token {
	var out [][]token
	depth, from := 0, 0
	for i, t := range toks {
		switch {
		case t.punct('('):
			depth++
		case t.punct(')'):
			depth--
		case t.punct(',') && depth == 0:
			out = append(out, toks[from:i])
			from = i + 1
		}
	}
	if from < len(toks) {
		out = append(out, toks[from:])
	}
	return out
}

// sub is a cursor over some tokens of the same statement.
func (c *cursor) sub(toks []token) *cursor {
	return &cursor{src: c.src, toks: toks, ses: c.ses, asWritten: c.asWritten}
}

// text is the statement's text from the token at index from on, without white space, comments and semicolons around it.
func (c *cursor) text(from int) string {
	if from >= len(c.toks) {
		return ""
	}
	last := len(c.toks) - 1
	for last > from && c.toks[last].punct(';') {
		last--
	}
	return c.src[c.toks[from].start:c.toks[last].end]
}

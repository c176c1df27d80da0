package json

import (
	"bytes"
	"unicode/utf8"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data/jsontext"
)

// Bounds of what counts as a usual document; others are decoded.
const (
	maxDocumentDepth = 64
	maxMember        = 128   // bytes of a name, with quotes and colon
	maxMembers       = 512   // of one object
	maxFollowers     = 64    // different members that may come after the same ones
	maxShapes        = 8192  // of all documents
	shapesRetry      = 10000 // documents refused for lack of shapes until they are learned anew
)

var _ connect.DocumentConverter = (*Converter)(nil)

// IsDocument: see connect.DocumentConverter. Without an envelope only.
func (c *Converter) IsDocument(b []byte) bool {
	return !c.decoder.cfg.envelope && c.documents.is(b)
}

// documents tells JSON that would come out of decoding and rendering as it went in: no blanks, each name once in its object, texts and
// numbers in the one form that all renderers write. One pass and no allocation for members that were seen before.
type documents struct {
	b       []byte
	i       int
	start   shape
	count   int // shapes learned
	refused int // documents that needed more of them than there may be
}

// shape is a sequence of members that an object began with, each name once. Members that come in an order seen before thus need neither be
// read letter by letter nor be compared with each other: one comparison with what came next last time is enough.
type shape struct {
	text   []byte   // "name": of the last member, as it stands; nil before the first
	before *shape   // without that member
	n      int      // how many members
	next   []*shape // the members that came after
	inside *shape   // the start of objects in the last member's value
}

func (d *documents) is(b []byte) bool {
	if len(b) == 0 || b[0] != '{' {
		return false
	}
	if d.refused >= shapesRetry {
		d.start, d.count, d.refused = shape{}, 0, 0
	}
	d.b, d.i = b, 0
	ok := d.object(&d.start, 1) && d.i == len(b)
	d.b = nil
	return ok
}

// at is the byte at the position, 0 at the end. All methods below begin at the first byte of what they read and end behind the last; false
// ends the whole.
func (d *documents) at() byte {
	if d.i < len(d.b) {
		return d.b[d.i]
	}
	return 0
}

func (d *documents) object(s *shape, depth int) bool {
	if depth > maxDocumentDepth {
		return false
	}
	if d.i++; d.at() == '}' {
		d.i++
		return true
	}
	for {
		if s = d.member(s); s == nil || !d.value(s, depth) {
			return false
		}
		c := d.at()
		d.i++
		if c != ',' {
			return c == '}'
		}
	}
}

// member reads a name and the colon and returns s with that member; nil: the name was there before, or it is none.
func (d *documents) member(s *shape) *shape {
	rest := d.b[d.i:]
	for _, n := range s.next {
		if bytes.HasPrefix(rest, n.text) {
			d.i += len(n.text)
			return n
		}
	}
	start := d.i
	if d.at() != '"' || !d.text() || d.at() != ':' {
		return nil
	}
	d.i++
	return d.learn(s, d.b[start:d.i])
}

// learn makes a shape of s and one more member.
func (d *documents) learn(s *shape, text []byte) *shape {
	if len(text) > maxMember || s.n >= maxMembers {
		return nil
	}
	for p := s; p.before != nil; p = p.before {
		if bytes.Equal(p.text, text) {
			return nil
		}
	}
	if d.count >= maxShapes || len(s.next) >= maxFollowers {
		d.refused++
		return nil
	}
	d.count++
	n := &shape{text: bytes.Clone(text), before: s, n: s.n + 1}
	s.next = append(s.next, n)
	return n
}

// value reads the value of the last member of s, or an element of it.
func (d *documents) value(s *shape, depth int) bool {
	switch c := d.at(); c {
	case '"':
		return d.text()
	case '{':
		if s.inside == nil {
			s.inside = new(shape)
		}
		return d.object(s.inside, depth+1)
	case '[':
		return d.array(s, depth+1)
	case 't':
		return d.word("true")
	case 'f':
		return d.word("false")
	case 'n':
		return d.word("null")
	default:
		return d.number()
	}
}

func (d *documents) array(s *shape, depth int) bool {
	if depth > maxDocumentDepth {
		return false
	}
	if d.i++; d.at() == ']' {
		d.i++
		return true
	}
	for {
		if !d.value(s, depth) {
			return false
		}
		c := d.at()
		d.i++
		if c != ',' {
			return c == ']'
		}
	}
}

func (d *documents) word(w string) bool {
	if len(d.b)-d.i < len(w) || string(d.b[d.i:d.i+len(w)]) != w {
		return false
	}
	d.i += len(w)
	return true
}

// text reads a string that is UTF-8 and has the escapes of jsontext.Append only.
func (d *documents) text() bool {
	d.i++
	for {
		d.i += jsontext.PlainRun(d.b[d.i:])
		switch c := d.at(); {
		case c == '"':
			d.i++
			return true
		case c == '\\':
			if !d.escape() {
				return false
			}
		case c < ' ':
			return false // also the end
		default:
			r, n := utf8.DecodeRune(d.b[d.i:])
			if r == utf8.RuneError && n == 1 {
				return false
			}
			d.i += n
		}
	}
}

func (d *documents) escape() bool {
	rest := d.b[d.i:]
	if len(rest) < 2 {
		return false
	}
	switch rest[1] {
	case '"', '\\', 'b', 't', 'n', 'f', 'r':
		d.i += 2
		return true
	case 'u':
		// The control characters that have no letter, with the digits in upper case.
		if len(rest) < 6 || string(rest[2:4]) != "00" {
			return false
		}
		switch c := rest[5]; {
		case rest[4] == '1':
			d.i += 6
			return c >= '0' && c <= '9' || c >= 'A' && c <= 'F'
		case rest[4] == '0':
			d.i += 6
			return c >= '0' && c <= '7' || c == 'B' || c == 'E' || c == 'F'
		}
	}
	return false
}

// Digits of a number that are the same in all renderings.
const (
	exactDouble   = 15 // a double holds any of them so that no shorter text gives it again
	plainIntegral = 7  // before the point; Double.toString writes greater numbers with an exponent
	greatestInt   = "9223372036854775807"
)

// number reads a whole number, or a fraction as Double.toString writes one from 0.001 up to 10,000,000.
func (d *documents) number() bool {
	negative := d.at() == '-'
	if negative {
		d.i++
	}
	start := d.i
	for digitAt(d.b, d.i) {
		d.i++
	}
	whole := d.b[start:d.i]
	zero := len(whole) == 1 && whole[0] == '0'
	if len(whole) == 0 || whole[0] == '0' && !zero {
		return false
	}
	if d.at() != '.' {
		fits := len(whole) < len(greatestInt) || len(whole) == len(greatestInt) && string(whole) <= greatestInt
		return fits && !(zero && negative) // of what follows, callers take , ] } only
	}
	d.i++
	start = d.i
	for digitAt(d.b, d.i) {
		d.i++
	}
	fraction := d.b[start:d.i]
	switch {
	case len(fraction) == 0, len(whole) > plainIntegral, len(whole)+len(fraction) > exactDouble:
		return false
	case len(fraction) == 1 && fraction[0] == '0':
		return !(zero && negative)
	case fraction[len(fraction)-1] == '0':
		return false
	default:
		return !zero || !bytes.HasPrefix(fraction, []byte("000"))
	}
}

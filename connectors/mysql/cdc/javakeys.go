package cdc

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Debezium keeps the keys of an incremental snapshot in the offset as an Object[] in Java's serialization (Java Object Serialization
// Specification 6.4.2), in hex. Written here: Short, Integer, Long, String and byte[], whatever the column; JDBC takes a String for
// every other type. Read here: those, and BigInteger and BigDecimal; others are an error, and the table is read from its start.

const (
	tcNull, tcReference, tcClassDesc, tcObject, tcString, tcArray, tcBlockData, tcEndBlockData = 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x77, 0x78
	javaBaseHandle                                                                             = 0x7e0000
)

// javaNull is a null in the place of the array.
const javaNull = "aced000570"

// javaArray serializes texts; kinds has one of the letters S, I, J (Short, Integer, Long), L (String) and B (bytes, in hex) for each.
func javaArray(texts []string, kinds string) string {
	if texts == nil {
		return javaNull
	}
	w := &javaWriter{handles: map[string]int{}}
	w.raw(0xac, 0xed, 0, 5, tcArray)
	w.class("[Ljava.lang.Object;", 0x90CE589F1073296C, 0, "")
	w.handle("")
	w.b = binary.BigEndian.AppendUint32(w.b, uint32(len(texts)))
	for i, s := range texts {
		w.value(s, kinds[i])
	}
	return hex.EncodeToString(w.b)
}

type javaWriter struct {
	b       []byte
	next    int
	handles map[string]int // of classes
}

func (w *javaWriter) raw(b ...byte) { w.b = append(w.b, b...) }

func (w *javaWriter) handle(class string) {
	if class != "" {
		w.handles[class] = w.next
	}
	w.next++
}

func (w *javaWriter) utf(s string) {
	w.b = binary.BigEndian.AppendUint16(w.b, uint16(len(s)))
	w.b = append(w.b, s...)
}

// class writes the description of a serializable class with at most one field, named value.
func (w *javaWriter) class(name string, id uint64, field byte, super string) {
	if h, ok := w.handles[name]; ok {
		w.raw(tcReference)
		w.b = binary.BigEndian.AppendUint32(w.b, uint32(javaBaseHandle+h))
		return
	}
	w.raw(tcClassDesc)
	w.utf(name)
	w.b = binary.BigEndian.AppendUint64(w.b, id)
	w.handle(name)
	w.raw(2) // SC_SERIALIZABLE
	if field == 0 {
		w.raw(0, 0)
	} else {
		w.raw(0, 1, field)
		w.utf("value")
	}
	w.raw(tcEndBlockData)
	if super == "" {
		w.raw(tcNull)
		return
	}
	w.class(super, 0x86AC951D0B94E08B, 0, "")
}

var javaNumbers = map[byte]struct {
	class string
	id    uint64
	bits  int
}{'S': {"java.lang.Short", 0x684D37133460DA52, 16}, 'I': {"java.lang.Integer", 0x12E2A0A4F7818738, 32}, 'J': {"java.lang.Long", 0x3B8BE490CC8F23DF, 64}}

func (w *javaWriter) value(s string, kind byte) {
	if n, ok := javaNumbers[kind]; ok {
		if v, err := strconv.ParseInt(s, 10, n.bits); err == nil {
			w.raw(tcObject)
			w.class(n.class, n.id, kind, "java.lang.Number")
			w.handle("")
			full := binary.BigEndian.AppendUint64(nil, uint64(v))
			w.b = append(w.b, full[8-n.bits/8:]...)
			return
		}
	}
	if kind == 'B' {
		if raw, err := hex.DecodeString(s); err == nil {
			w.raw(tcArray)
			w.class("[B", 0xACF317F8060854E0, 0, "")
			w.handle("")
			w.b = binary.BigEndian.AppendUint32(w.b, uint32(len(raw)))
			w.b = append(w.b, raw...)
			return
		}
	}
	if len(s) > 0xffff { // longer than any index entry
		s = s[:0xffff]
	}
	w.raw(tcString)
	w.utf(modifiedUTF8(s))
	w.handle("")
}

// modifiedUTF8 is Java's: NUL in two bytes, characters beyond the basic plane as two surrogates of three bytes.
func modifiedUTF8(s string) string {
	plain := true
	for i := range len(s) {
		plain = plain && s[i] != 0 && s[i] < 0xf0
	}
	if plain {
		return s
	}
	var b []byte
	for _, r := range s {
		switch {
		case r == 0:
			b = append(b, 0xc0, 0x80)
		case r >= 0x10000:
			for _, u := range []rune{0xd800 + (r-0x10000)>>10, 0xdc00 + (r-0x10000)&0x3ff} {
				b = append(b, byte(0xe0|u>>12), byte(0x80|u>>6&0x3f), byte(0x80|u&0x3f))
			}
		default:
			b = append(b, string(r)...)
		}
	}
	return string(b)
}

var errJava = errors.New("it is no array of numbers, texts and bytes in Java's serialization")

// parseJavaArray reads what javaArray and Debezium write; nil for a null.
func parseJavaArray(s string) (texts []string, err error) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) < 5 || raw[0] != 0xac || raw[1] != 0xed {
		return nil, errJava
	}
	r := &javaReader{b: raw[4:]}
	defer func() {
		if p := recover(); p != nil { // out of bounds: the text was cut off
			texts, err = nil, errJava
		}
	}()
	v := r.content(0)
	if r.bad {
		return nil, errJava
	}
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, errJava
	}
	texts = []string{}
	for _, e := range list {
		t, ok := javaText(e)
		if !ok {
			return nil, fmt.Errorf("%w (it has a %T)", errJava, e)
		}
		texts = append(texts, t)
	}
	return texts, nil
}

func javaText(v any) (string, bool) {
	switch x := v.(type) {
	case string:
		return x, true
	case []byte:
		return hex.EncodeToString(x), true
	case map[string]any:
		if n, ok := x["value"].(int64); ok {
			return strconv.FormatInt(n, 10), true
		}
		if m, ok := x["magnitude"].([]byte); ok {
			n := new(big.Int).SetBytes(m)
			if s, _ := x["signum"].(int64); s < 0 {
				n.Neg(n)
			}
			return n.String(), true
		}
		if i, ok := x["intVal"]; ok {
			digits, ok := javaText(i)
			scale, _ := x["scale"].(int64)
			if !ok || scale < 0 || scale > 100 {
				return "", false
			}
			sign := ""
			if strings.HasPrefix(digits, "-") {
				sign, digits = "-", digits[1:]
			}
			if scale == 0 {
				return sign + digits, true
			}
			for int64(len(digits)) <= scale {
				digits = "0" + digits
			}
			at := int64(len(digits)) - scale
			return sign + digits[:at] + "." + digits[at:], true
		}
	}
	return "", false
}

type javaClass struct {
	name   string
	flags  byte
	fields []javaField
	super  *javaClass
}

type javaField struct {
	kind byte
	name string
}

// javaReader reads the part of the format that arrays of plain objects need.
type javaReader struct {
	b       []byte
	handles []any
	bad     bool
}

func (r *javaReader) take(n int) []byte {
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *javaReader) number(n int) int64 {
	var v int64
	for i, c := range r.take(n) {
		if i == 0 {
			v = int64(int8(c))
		} else {
			v = v<<8 | int64(c)
		}
	}
	return v
}

func (r *javaReader) utf() string {
	n := int(binary.BigEndian.Uint16(r.take(2)))
	return fromModifiedUTF8(r.take(n))
}

func fromModifiedUTF8(b []byte) string {
	var out []rune
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c < 0x80:
			out = append(out, rune(c))
			i++
		case c < 0xe0:
			out = append(out, rune(c&0x1f)<<6|rune(b[i+1]&0x3f))
			i += 2
		default:
			u := rune(c&0x0f)<<12 | rune(b[i+1]&0x3f)<<6 | rune(b[i+2]&0x3f)
			if n := len(out); u >= 0xdc00 && u < 0xe000 && n > 0 && out[n-1] >= 0xd800 && out[n-1] < 0xdc00 {
				out[n-1] = (out[n-1]-0xd800)<<10 + (u - 0xdc00) + 0x10000
			} else {
				out = append(out, u)
			}
			i += 3
		}
	}
	return string(out)
}

func (r *javaReader) content(depth int) any {
	if depth > 8 || r.bad {
		r.bad = true
		return nil
	}
	switch r.take(1)[0] {
	case tcNull:
		return nil
	case tcReference:
		return r.handles[binary.BigEndian.Uint32(r.take(4))-javaBaseHandle]
	case tcString:
		s := r.utf()
		r.handles = append(r.handles, s)
		return s
	case tcArray:
		c := r.class(depth)
		at := len(r.handles)
		r.handles = append(r.handles, nil)
		n := int(r.number(4))
		if c != nil && c.name == "[B" {
			v := r.take(n)
			r.handles[at] = v
			return v
		}
		list := []any{}
		for range n {
			list = append(list, r.content(depth+1))
		}
		r.handles[at] = list
		return list
	case tcObject:
		return r.object(depth)
	}
	r.bad = true
	return nil
}

func (r *javaReader) object(depth int) any {
	c := r.class(depth)
	m := map[string]any{}
	r.handles = append(r.handles, m)
	var chain []*javaClass
	for ; c != nil; c = c.super {
		chain = append(chain, c)
	}
	for i := len(chain) - 1; i >= 0; i-- {
		c := chain[i]
		if c.flags&4 != 0 { // SC_EXTERNALIZABLE: its own format
			r.bad = true
			return nil
		}
		for _, f := range c.fields {
			switch f.kind {
			case 'B', 'Z':
				m[f.name] = r.number(1)
			case 'S', 'C':
				m[f.name] = r.number(2)
			case 'I', 'F':
				m[f.name] = r.number(4)
			case 'J', 'D':
				m[f.name] = r.number(8)
			default:
				m[f.name] = r.content(depth + 1)
			}
		}
		for c.flags&1 != 0 && !r.bad { // SC_WRITE_METHOD: what the class wrote beside its fields
			if r.b[0] == tcEndBlockData {
				r.take(1)
				break
			}
			if r.b[0] == tcBlockData {
				r.take(2 + int(r.b[1]))
				continue
			}
			r.content(depth + 1)
		}
	}
	return m
}

func (r *javaReader) class(depth int) *javaClass {
	if depth > 8 {
		r.bad = true
		return nil
	}
	switch r.take(1)[0] {
	case tcNull:
		return nil
	case tcReference:
		c, _ := r.handles[binary.BigEndian.Uint32(r.take(4))-javaBaseHandle].(*javaClass)
		return c
	case tcClassDesc:
	default:
		r.bad = true
		return nil
	}
	c := &javaClass{name: r.utf()}
	r.take(8)
	r.handles = append(r.handles, c)
	c.flags = r.take(1)[0]
	for range r.number(2) {
		f := javaField{kind: r.take(1)[0], name: r.utf()}
		if f.kind == 'L' || f.kind == '[' {
			r.content(depth + 1) // the field's class
		}
		c.fields = append(c.fields, f)
	}
	for r.b[0] != tcEndBlockData && !r.bad {
		r.content(depth + 1)
	}
	r.take(1)
	c.super = r.class(depth + 1)
	return c
}

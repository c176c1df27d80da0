package data

import (
	"bytes"
	"math"
	"math/big"
	"slices"
	"strings"
	"unsafe"
)

// Value is one datum in 24 bytes; the zero Value is null. Scalars, text and dates never allocate. What a Value points to is
// immutable once the record that carries it has left the code that built it.
//
// Accessors panic when the kind does not fit, as log/slog.Value does: callers switch on [Value.Kind] first.
type Value struct {
	_   [0]func()      // forbids ==; use Equal
	ptr unsafe.Pointer // text, list, map, struct or big decimal
	num uint64         // scalar bits, or the length of what ptr points to
	tag
}

// tag is a struct of its own so that Value has four fields: the compiler keeps structs of more in memory, and each copy, each look at the
// kind then costs a store and a load (measured: twice the time of the whole data path).
type tag struct {
	scale int32 // decimals only
	kind  Kind
}

// Entry is one pair of a map value.
type Entry struct{ Key, Value Value }

// Datum is a value with the schema that describes it; a nil Schema means schemaless.
type Datum struct {
	Schema *Schema
	Value  Value
}

// Null is the null value; its kind is KindNull.
func Null() Value { return Value{} }

// Bool makes a boolean value.
func Bool(v bool) Value {
	var n uint64
	if v {
		n = 1
	}
	return Value{num: n, tag: tag{kind: KindBool}}
}

// Int8 makes an 8-bit integer value.
func Int8(v int8) Value { return Value{num: uint64(int64(v)), tag: tag{kind: KindInt8}} }

// Int16 makes a 16-bit integer value.
func Int16(v int16) Value { return Value{num: uint64(int64(v)), tag: tag{kind: KindInt16}} }

// Int32 makes a 32-bit integer value.
func Int32(v int32) Value { return Value{num: uint64(int64(v)), tag: tag{kind: KindInt32}} }

// Int64 makes a 64-bit integer value.
func Int64(v int64) Value { return Value{num: uint64(v), tag: tag{kind: KindInt64}} }

// IntOf makes an integer value of kind k, which must be an integer kind; v is truncated to it.
func IntOf(k Kind, v int64) Value {
	switch k {
	case KindInt8:
		return Int8(int8(v))
	case KindInt16:
		return Int16(int16(v))
	case KindInt32:
		return Int32(int32(v))
	case KindInt64:
		return Int64(v)
	default:
		panic("data: IntOf of kind " + k.String())
	}
}

// Float32 makes a single precision value.
func Float32(v float32) Value {
	return Value{num: uint64(math.Float32bits(v)), tag: tag{kind: KindFloat32}}
}

// Float64 makes a double precision value.
func Float64(v float64) Value { return Value{num: math.Float64bits(v), tag: tag{kind: KindFloat64}} }

// String makes a text value; it shares the memory of s.
func String(s string) Value {
	return Value{ptr: unsafe.Pointer(unsafe.StringData(s)), num: uint64(len(s)), tag: tag{kind: KindString}}
}

// Text makes a text value over b without a copy; b must never change.
func Text(b []byte) Value {
	return Value{ptr: unsafe.Pointer(unsafe.SliceData(b)), num: uint64(len(b)), tag: tag{kind: KindString}}
}

// Bytes makes a bytes value over b without a copy; b must never change.
func Bytes(b []byte) Value {
	return Value{ptr: unsafe.Pointer(unsafe.SliceData(b)), num: uint64(len(b)), tag: tag{kind: KindBytes}}
}

// Date makes a date of days since 1970-01-01.
func Date(days int32) Value { return Value{num: uint64(int64(days)), tag: tag{kind: KindDate}} }

// Time makes a time of day in milliseconds since midnight.
func Time(ms int32) Value { return Value{num: uint64(int64(ms)), tag: tag{kind: KindTime}} }

// Timestamp makes an instant in milliseconds since the epoch, UTC.
func Timestamp(ms int64) Value { return Value{num: uint64(ms), tag: tag{kind: KindTimestamp}} }

// Decimal makes unscaled × 10^-scale. Unscaled values of up to 63 bits are kept inline; larger ones keep the pointer, and
// unscaled must not change then.
func Decimal(unscaled *big.Int, scale int32) Value {
	if unscaled.IsInt64() {
		return Decimal64(unscaled.Int64(), scale)
	}
	return Value{ptr: unsafe.Pointer(unscaled), tag: tag{scale: scale, kind: KindDecimal}}
}

// Decimal64 makes unscaled × 10^-scale without allocating.
func Decimal64(unscaled int64, scale int32) Value {
	return Value{num: uint64(unscaled), tag: tag{scale: scale, kind: KindDecimal}}
}

// List makes a list value; it keeps vs.
func List(vs []Value) Value {
	return Value{ptr: unsafe.Pointer(unsafe.SliceData(vs)), num: uint64(len(vs)), tag: tag{kind: KindList}}
}

// Map makes a map value of entries in order; it keeps es. Output is in this order; keys are expected to be distinct.
func Map(es []Entry) Value {
	return Value{ptr: unsafe.Pointer(unsafe.SliceData(es)), num: uint64(len(es)), tag: tag{kind: KindMap}}
}

// Of makes a value of s and publishes s: it must not be Set any more. Of(nil) is null.
func Of(s *Struct) Value {
	if s == nil {
		return Value{}
	}
	s.publish()
	return Value{ptr: unsafe.Pointer(s), tag: tag{kind: KindStruct}}
}

// Kind is the (logical) kind of v; KindNull for the zero Value.
func (v Value) Kind() Kind { return v.kind }

// IsNull tells whether v is null.
func (v Value) IsNull() bool { return v.kind == KindNull }

func (v Value) bad(want string) string {
	return "data: " + want + " of a value of kind " + v.kind.String()
}

// Bool is the value of a boolean.
func (v Value) Bool() bool {
	if v.kind != KindBool {
		panic(v.bad("Bool"))
	}
	return v.num != 0
}

// Int64 is the number of any integer kind, and of a date (days), time (ms) or timestamp (ms).
func (v Value) Int64() int64 {
	if !v.kind.IsInt() && (v.kind < KindDate || v.kind > KindTimestamp) {
		panic(v.bad("Int64"))
	}
	return int64(v.num)
}

// Float64 is the number of a floating point kind; a Float32 is widened.
func (v Value) Float64() float64 {
	switch v.kind {
	case KindFloat64:
		return math.Float64frombits(v.num)
	case KindFloat32:
		return float64(math.Float32frombits(uint32(v.num)))
	default:
		panic(v.bad("Float64"))
	}
}

// Float32 is the number of a KindFloat32.
func (v Value) Float32() float32 {
	if v.kind != KindFloat32 {
		panic(v.bad("Float32"))
	}
	return math.Float32frombits(uint32(v.num))
}

// String is the text itself for KindString, else a rendering for messages (not for wire formats).
func (v Value) String() string {
	if v.kind == KindString {
		return unsafe.String((*byte)(v.ptr), int(v.num))
	}
	return string(v.appendText(nil))
}

// TextBytes is the text of a KindString as bytes, without a copy; do not modify.
func (v Value) TextBytes() []byte {
	if v.kind != KindString {
		panic(v.bad("TextBytes"))
	}
	return unsafe.Slice((*byte)(v.ptr), int(v.num))
}

// Bytes are the bytes of a KindBytes, shared; do not modify.
func (v Value) Bytes() []byte {
	if v.kind != KindBytes {
		panic(v.bad("Bytes"))
	}
	if v.ptr == nil {
		return []byte{}
	}
	return unsafe.Slice((*byte)(v.ptr), int(v.num))
}

// Decimal is the number of a decimal; the integer is shared or fresh, do not modify it.
func (v Value) Decimal() (unscaled *big.Int, scale int32) {
	if v.kind != KindDecimal {
		panic(v.bad("Decimal"))
	}
	if v.ptr != nil {
		return (*big.Int)(v.ptr), v.scale
	}
	return big.NewInt(int64(v.num)), v.scale
}

// Decimal64 is the number of a decimal whose unscaled integer fits 64 bits; ok is false for larger ones.
func (v Value) Decimal64() (unscaled int64, scale int32, ok bool) {
	if v.kind != KindDecimal {
		panic(v.bad("Decimal64"))
	}
	return int64(v.num), v.scale, v.ptr == nil
}

// List are the elements of a list, shared; do not modify.
func (v Value) List() []Value {
	if v.kind != KindList {
		panic(v.bad("List"))
	}
	return unsafe.Slice((*Value)(v.ptr), int(v.num))
}

// Map are the entries of a map in order, shared; do not modify.
func (v Value) Map() []Entry {
	if v.kind != KindMap {
		panic(v.bad("Map"))
	}
	return unsafe.Slice((*Entry)(v.ptr), int(v.num))
}

// Lookup finds the entry of a map whose key is the text key. Linear: schemaless maps are small.
func (v Value) Lookup(key string) (Value, bool) {
	for _, e := range v.Map() {
		if e.Key.kind == KindString && e.Key.String() == key {
			return e.Value, true
		}
	}
	return Value{}, false
}

// Struct is the row of a KindStruct.
func (v Value) Struct() *Struct {
	if v.kind != KindStruct {
		panic(v.bad("Struct"))
	}
	return (*Struct)(v.ptr)
}

// Equal compares kind and content; lists and structs element by element, maps in any order, decimals with their scale.
// Floating point numbers are equal when their bits are, so that NaN equals itself.
func (v Value) Equal(o Value) bool {
	if v.kind != o.kind {
		return false
	}
	switch v.kind {
	case KindString, KindBytes:
		return bytes.Equal(v.raw(), o.raw())
	case KindList:
		return slices.EqualFunc(v.List(), o.List(), Value.Equal)
	case KindMap:
		return equalMaps(v.Map(), o.Map())
	case KindStruct:
		return v.Struct().Equal(o.Struct())
	case KindDecimal:
		if v.ptr == nil && o.ptr == nil {
			return v.num == o.num && v.scale == o.scale
		}
		a, as := v.Decimal()
		b, bs := o.Decimal()
		return as == bs && a.Cmp(b) == 0
	default:
		return v.num == o.num
	}
}

func equalMaps(a, b []Entry) bool {
	if len(a) != len(b) {
		return false
	}
	if slices.EqualFunc(a, b, equalEntries) { // same order, the usual case
		return true
	}
	// Both ways: with a key that stands twice, one alone would not be symmetric.
	return holdsAll(a, b) && holdsAll(b, a)
}

func equalEntries(a, b Entry) bool { return a.Key.Equal(b.Key) && a.Value.Equal(b.Value) }

func holdsAll(a, b []Entry) bool {
	for _, e := range b {
		if !slices.ContainsFunc(a, func(x Entry) bool { return equalEntries(x, e) }) {
			return false
		}
	}
	return true
}

// raw is the memory behind a text or bytes value.
func (v Value) raw() []byte { return unsafe.Slice((*byte)(v.ptr), int(v.num)) }

// Clone copies v deeply, out of slabs and packets. Schemas stay shared.
func (v Value) Clone() Value {
	switch v.kind {
	case KindString:
		return String(strings.Clone(v.String()))
	case KindBytes:
		return Bytes(bytes.Clone(v.Bytes()))
	case KindList:
		vs := make([]Value, len(v.List()))
		for i, e := range v.List() {
			vs[i] = e.Clone()
		}
		return List(vs)
	case KindMap:
		es := make([]Entry, len(v.Map()))
		for i, e := range v.Map() {
			es[i] = Entry{e.Key.Clone(), e.Value.Clone()}
		}
		return Map(es)
	case KindStruct:
		return Of(v.Struct().Clone())
	case KindDecimal:
		if v.ptr != nil {
			return Decimal(new(big.Int).Set((*big.Int)(v.ptr)), v.scale)
		}
		return v
	default:
		return v
	}
}

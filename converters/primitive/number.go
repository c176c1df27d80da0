package primitive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/converters/internal/javatext"
)

// number is org.apache.kafka.connect.converters.NumberConverter. It goes by the value's kind; the schema is not looked at, as in Java.
type number struct {
	name         string
	deserializer string // as its messages name it
	kind         data.Kind
	schema       *data.Schema
	size         int
}

var (
	short   = number{"short", "ShortDeserializer", data.KindInt16, data.OptionalInt16Schema, 2}
	integer = number{"integer", "IntegerDeserializer", data.KindInt32, data.OptionalInt32Schema, 4}
	long    = number{"long", "LongDeserializer", data.KindInt64, data.OptionalInt64Schema, 8}
	float   = number{"float", "Deserializer", data.KindFloat32, data.OptionalFloat32Schema, 4}
	double  = number{"double", "Deserializer", data.KindFloat64, data.OptionalFloat64Schema, 8}
)

func (n number) configure(config.Values) error { return nil }

func (n number) append(dst []byte, d data.Datum) ([]byte, bool, error) {
	v := d.Value
	if v.IsNull() {
		return dst, false, nil
	}
	if v.Kind() != n.kind {
		return dst, false, fmt.Errorf("Failed to serialize to %s (was %s): the value is of kind %s", n.name, javatext.Class(v.Kind()), v.Kind())
	}
	switch n.kind {
	case data.KindInt16:
		return binary.BigEndian.AppendUint16(dst, uint16(v.Int64())), true, nil
	case data.KindInt32:
		return binary.BigEndian.AppendUint32(dst, uint32(v.Int64())), true, nil
	case data.KindFloat32:
		return binary.BigEndian.AppendUint32(dst, math.Float32bits(v.Float32())), true, nil
	case data.KindFloat64:
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(v.Float64())), true, nil
	default:
		return binary.BigEndian.AppendUint64(dst, uint64(v.Int64())), true, nil
	}
}

func (n number) decode(b []byte) (data.Datum, error) {
	if b == nil {
		return data.Datum{Schema: n.schema}, nil
	}
	if len(b) != n.size {
		return data.Datum{}, fmt.Errorf("Failed to deserialize %s: Size of data received by %s is not %d", n.name, n.deserializer, n.size)
	}
	var v data.Value
	switch n.kind {
	case data.KindInt16:
		v = data.Int16(int16(binary.BigEndian.Uint16(b)))
	case data.KindInt32:
		v = data.Int32(int32(binary.BigEndian.Uint32(b)))
	case data.KindFloat32:
		v = data.Float32(math.Float32frombits(binary.BigEndian.Uint32(b)))
	case data.KindFloat64:
		v = data.Float64(math.Float64frombits(binary.BigEndian.Uint64(b)))
	default:
		v = data.Int64(int64(binary.BigEndian.Uint64(b)))
	}
	return data.Datum{Schema: n.schema, Value: v}, nil
}

// boolean is org.apache.kafka.connect.converters.BooleanConverter.
type boolean struct{}

func (boolean) configure(config.Values) error { return nil }

func (boolean) append(dst []byte, d data.Datum) ([]byte, bool, error) {
	if err := wantKind("BooleanConverter", d, data.KindBool); err != nil || d.Value.IsNull() {
		return dst, false, err
	}
	if d.Value.Bool() {
		return append(dst, 1), true, nil
	}
	return append(dst, 0), true, nil
}

func (boolean) decode(b []byte) (data.Datum, error) {
	switch {
	case b == nil:
		return data.Datum{Schema: data.OptionalBoolSchema}, nil
	case len(b) != 1:
		return data.Datum{}, errors.New("Failed to deserialize boolean: Size of data received by BooleanDeserializer is not 1")
	case b[0] > 1:
		return data.Datum{}, fmt.Errorf("Failed to deserialize boolean: Unexpected byte received by BooleanDeserializer: %d", int8(b[0]))
	default:
		return data.Datum{Schema: data.OptionalBoolSchema, Value: data.Bool(b[0] == 1)}, nil
	}
}

// rawBytes is org.apache.kafka.connect.converters.ByteArrayConverter.
type rawBytes struct{}

func (rawBytes) configure(config.Values) error { return nil }

func (rawBytes) append(dst []byte, d data.Datum) ([]byte, bool, error) {
	if err := wantKind("ByteArrayConverter", d, data.KindBytes); err != nil || d.Value.IsNull() {
		return dst, false, err
	}
	return append(dst, d.Value.Bytes()...), true, nil
}

func (rawBytes) decode(b []byte) (data.Datum, error) {
	if b == nil {
		return data.Datum{Schema: data.OptionalBytesSchema}, nil
	}
	return data.Datum{Schema: data.OptionalBytesSchema, Value: data.Bytes(b)}, nil
}

// wantKind checks schema and value, each if there is one.
func wantKind(name string, d data.Datum, want data.Kind) error {
	if d.Schema != nil && d.Schema.Kind() != want {
		return fmt.Errorf("Invalid schema type for %s: %s", name, d.Schema.Kind())
	}
	if k := d.Value.Kind(); k != want && k != data.KindNull {
		return fmt.Errorf("%s is not compatible with objects of type %s", name, javatext.Class(k))
	}
	return nil
}

package javatext

import (
	"encoding/base64"
	"strconv"
	"time"

	"github.com/connectd/connectd/connect/data"
)

// Append appends v as String.valueOf does: lists as [1, 2], maps as {a=1}, structs as Struct{a=1}, dates as java.util.Date in UTC.
// Bytes are base64; Java prints the address of the array, which nobody can use.
func Append(dst []byte, v data.Value) []byte {
	switch v.Kind() {
	case data.KindNull:
		return append(dst, "null"...)
	case data.KindBool:
		return strconv.AppendBool(dst, v.Bool())
	case data.KindString:
		return append(dst, v.TextBytes()...)
	case data.KindBytes:
		return base64.StdEncoding.AppendEncode(dst, v.Bytes())
	case data.KindFloat32:
		return data.AppendJavaFloat(dst, v.Float64(), 32)
	case data.KindFloat64:
		return data.AppendJavaFloat(dst, v.Float64(), 64)
	case data.KindDecimal:
		return data.AppendJavaDecimal(dst, v)
	case data.KindDate, data.KindTime, data.KindTimestamp:
		return time.UnixMilli(Millis(v)).UTC().AppendFormat(dst, "Mon Jan 02 15:04:05 UTC 2006")
	case data.KindList:
		dst = append(dst, '[')
		for i, e := range v.List() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = Append(dst, e)
		}
		return append(dst, ']')
	case data.KindMap:
		dst = append(dst, '{')
		for i, e := range v.Map() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(Append(dst, e.Key), '=')
			dst = Append(dst, e.Value)
		}
		return append(dst, '}')
	case data.KindStruct:
		return appendStruct(dst, v.Struct())
	default:
		return strconv.AppendInt(dst, v.Int64(), 10)
	}
}

// appendStruct leaves out null fields, as org.apache.kafka.connect.data.Struct.toString does.
func appendStruct(dst []byte, s *data.Struct) []byte {
	dst = append(dst, "Struct{"...)
	first := true
	for i, f := range s.Schema().Fields() {
		if s.At(i).IsNull() {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(dst, f.Name...), '=')
		dst = Append(dst, s.At(i))
	}
	return append(dst, '}')
}

// Millis is java.util.Date.getTime of a date, time or timestamp.
func Millis(v data.Value) int64 {
	if v.Kind() == data.KindDate {
		return v.Int64() * 24 * 60 * 60 * 1000
	}
	return v.Int64()
}

var classes = map[data.Kind]string{
	data.KindBool: "java.lang.Boolean", data.KindInt8: "java.lang.Byte", data.KindInt16: "java.lang.Short",
	data.KindInt32: "java.lang.Integer", data.KindInt64: "java.lang.Long", data.KindFloat32: "java.lang.Float",
	data.KindFloat64: "java.lang.Double", data.KindString: "java.lang.String", data.KindBytes: "[B",
	data.KindList: "java.util.ArrayList", data.KindMap: "java.util.HashMap",
	data.KindStruct: "org.apache.kafka.connect.data.Struct", data.KindDecimal: "java.math.BigDecimal",
	data.KindDate: "java.util.Date", data.KindTime: "java.util.Date", data.KindTimestamp: "java.util.Date",
}

// Class names the class that carries a kind in Java, the way its messages do: "class java.lang.Long".
func Class(k data.Kind) string { return "class " + classes[k] }

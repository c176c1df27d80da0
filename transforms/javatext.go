package transforms

import (
	"encoding/base64"
	"strconv"
	"time"

	"github.com/connectd/connectd/connect/data"
)

var classNames = [...]string{
	data.KindNull: "null", data.KindBool: "java.lang.Boolean", data.KindInt8: "java.lang.Byte", data.KindInt16: "java.lang.Short",
	data.KindInt32: "java.lang.Integer", data.KindInt64: "java.lang.Long", data.KindFloat32: "java.lang.Float",
	data.KindFloat64: "java.lang.Double", data.KindString: "java.lang.String", data.KindBytes: "[B",
	data.KindList: "java.util.ArrayList", data.KindMap: "java.util.HashMap",
	data.KindStruct: "org.apache.kafka.connect.data.Struct", data.KindDecimal: "java.math.BigDecimal",
	data.KindDate: "java.util.Date", data.KindTime: "java.util.Date", data.KindTimestamp: "java.util.Date",
}

// className is the Java class that carries v, for messages that users know.
func className(v data.Value) string { return classNames[v.Kind()] }

const dayMillis = 24 * 60 * 60 * 1000

// millis is java.util.Date.getTime of a date, time or timestamp.
func millis(v data.Value) int64 {
	if v.Kind() == data.KindDate {
		return v.Int64() * dayMillis
	}
	return v.Int64()
}

// appendText appends v as Cast writes strings: dates in the ISO forms of Values.dateFormatFor, bytes in base64, numbers as toString.
func appendText(dst []byte, v data.Value) []byte {
	switch v.Kind() {
	case data.KindBool:
		return strconv.AppendBool(dst, v.Bool())
	case data.KindBytes:
		return base64.StdEncoding.AppendEncode(dst, v.Bytes())
	case data.KindFloat32:
		return data.AppendJavaFloat(dst, v.Float64(), 32)
	case data.KindFloat64:
		return data.AppendJavaFloat(dst, v.Float64(), 64)
	case data.KindDecimal:
		return data.AppendJavaDecimal(dst, v)
	case data.KindDate, data.KindTime, data.KindTimestamp:
		return appendDate(dst, millis(v))
	case data.KindString:
		return append(dst, v.TextBytes()...)
	default:
		return strconv.AppendInt(dst, v.Int64(), 10)
	}
}

func appendDate(dst []byte, ms int64) []byte {
	t := time.UnixMilli(ms).UTC()
	switch {
	case ms < dayMillis:
		return t.AppendFormat(dst, "15:04:05.000Z")
	case ms%dayMillis == 0:
		return t.AppendFormat(dst, "2006-01-02")
	default:
		return t.AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	}
}

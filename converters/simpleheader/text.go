package simpleheader

import (
	"encoding/base64"
	"time"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/converters/internal/javatext"
)

const millisPerDay = 24 * 60 * 60 * 1000

// appendText is Values.convertToString; embedded texts are quoted.
func appendText(dst []byte, v data.Value, embedded bool) []byte {
	switch v.Kind() {
	case data.KindString:
		if embedded {
			return appendQuoted(dst, v.String())
		}
		return append(dst, v.TextBytes()...)
	case data.KindBytes:
		if embedded {
			dst = base64.StdEncoding.AppendEncode(append(dst, '"'), v.Bytes())
			return append(dst, '"')
		}
		return base64.StdEncoding.AppendEncode(dst, v.Bytes())
	case data.KindList:
		dst = append(dst, '[')
		for i, e := range v.List() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendText(dst, e, true)
		}
		return append(dst, ']')
	case data.KindMap:
		dst = append(dst, '{')
		for i, e := range v.Map() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendText(dst, e.Key, true), ':')
			dst = appendText(dst, e.Value, true)
		}
		return append(dst, '}')
	case data.KindStruct:
		dst = append(dst, '{')
		for i, f := range v.Struct().Schema().Fields() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendQuoted(dst, f.Name), ':')
			dst = appendText(dst, v.Struct().AtOrDefault(i), true)
		}
		return append(dst, '}')
	case data.KindDate, data.KindTime, data.KindTimestamp:
		return appendDate(dst, javatext.Millis(v))
	default:
		return javatext.Append(dst, v)
	}
}

// appendDate goes by the number alone, as Values.dateFormatFor does: before the second day of 1970 it is a time.
func appendDate(dst []byte, ms int64) []byte {
	layout := "2006-01-02T15:04:05.000Z"
	switch {
	case ms < millisPerDay:
		layout = "15:04:05.000Z"
	case ms%millisPerDay == 0:
		layout = "2006-01-02"
	}
	return time.UnixMilli(ms).UTC().AppendFormat(dst, layout)
}

// appendQuoted escapes quotes and backslashes and nothing else.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

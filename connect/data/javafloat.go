package data

import (
	"math"
	"strconv"
)

// AppendJavaFloat appends f as Double.toString (bits 64) or Float.toString (32) of JDK 19 and later: the shortest digits that give f
// again, at least two, plain from 0.001 up to 10,000,000 and with an exponent beyond.
func AppendJavaFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case f == 0:
		if math.Signbit(f) {
			dst = append(dst, '-')
		}
		return append(dst, "0.0"...)
	}
	if a := math.Abs(f); a >= 1e-3 && a < 1e7 {
		n := len(dst)
		dst = strconv.AppendFloat(dst, f, 'f', -1, bits)
		for _, c := range dst[n:] {
			if c == '.' {
				return dst
			}
		}
		return append(dst, ".0"...)
	}
	return appendScientific(dst, f, bits)
}

func appendScientific(dst []byte, f float64, bits int) []byte {
	n := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
	digits := n
	if f < 0 {
		digits++
	}
	if dst[digits+1] == 'e' {
		// One digit would do, but Java takes the closest of two: 4.9E-324.
		dst = strconv.AppendFloat(dst[:n], f, 'e', 1, bits)
	}
	e := digits
	for dst[e] != 'e' {
		e++
	}
	dst[e] = 'E'
	// Go writes e+07, Java E7.
	w := e + 1
	if dst[w] == '-' {
		w++
	}
	r := e + 2
	for dst[r] == '0' {
		r++
	}
	return append(dst[:w], dst[r:]...)
}

package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// trim drops what Java's String.trim drops: everything up to the blank.
func trim(s string) string { return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' }) }

// The errors of the parsers carry the text behind "Invalid value …: ".

func parseBoolean(s string) (any, error) {
	switch {
	case strings.EqualFold(s, "true"):
		return true, nil
	case strings.EqualFold(s, "false"):
		return false, nil
	}
	return nil, errors.New("Expected value to be either true or false")
}

func notANumber(t Type) error { return errors.New("Not a number of type " + t.String()) }

func parseWhole(s string, bits int, t Type) (int64, error) {
	n, err := strconv.ParseInt(s, 10, bits)
	if err != nil {
		return 0, notANumber(t)
	}
	return n, nil
}

// parseDouble follows Double.parseDouble: a suffix d or f is allowed, too large
// is infinite, NaN and Infinity are spelt so, and Go's underscores are wrong.
func parseDouble(s string) (any, error) {
	sign, rest := "", s
	if rest != "" && (rest[0] == '+' || rest[0] == '-') {
		sign, rest = rest[:1], rest[1:]
	}
	switch rest {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		if sign == "-" {
			return math.Inf(-1), nil
		}
		return math.Inf(1), nil
	case "":
		return nil, notANumber(TypeDouble)
	}
	// A digit or a point must begin, which shuts out inf and nan.
	if c := rest[0]; c != '.' && (c < '0' || c > '9') || strings.Contains(rest, "_") {
		return nil, notANumber(TypeDouble)
	}
	hex := len(rest) > 1 && (rest[1] == 'x' || rest[1] == 'X')
	if !hex || strings.ContainsAny(rest, "pP") {
		switch rest[len(rest)-1] {
		case 'd', 'D', 'f', 'F':
			rest = rest[:len(rest)-1]
		}
	}
	f, err := strconv.ParseFloat(sign+rest, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, notANumber(TypeDouble)
	}
	return f, nil
}

// parseList splits the trimmed s at \s*,\s* and keeps empty elements.
func parseList(s string) []string {
	if s == "" {
		return []string{}
	}
	parts := strings.Split(s, ",")
	for i, p := range parts {
		parts[i] = strings.Trim(p, " \t\n\v\f\r")
	}
	return parts
}

// show renders a value as it stands in error messages (Java's toString): lists
// as [a, b], null as null, secrets hidden.
func show(v any) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case []string:
		return "[" + strings.Join(x, ", ") + "]"
	}
	return text(v)
}

// text renders a value as it is written in a config and in REST (Java:
// ConfigDef.convertToString): lists as a,b, secrets hidden.
func text(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	case bool:
		return strconv.FormatBool(x)
	case int16:
		return strconv.FormatInt(int64(x), 10)
	case int32:
		return strconv.FormatInt(int64(x), 10)
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return javaDouble(x)
	case []string:
		return strings.Join(x, ",")
	case Secret:
		return Hidden
	}
	return fmt.Sprint(v)
}

// javaDouble writes f as Double.toString does (JDK 19 and later: the shortest
// digits that read back): plain between 1e-3 and 1e7, else 1.0E10.
func javaDouble(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	if a := math.Abs(f); a == 0 || a >= 1e-3 && a < 1e7 {
		s := strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	mantissa, exp, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	neg := strings.HasPrefix(exp, "-")
	exp = strings.TrimLeft(exp, "+-0")
	if neg {
		exp = "-" + exp
	}
	return mantissa + "E" + exp
}

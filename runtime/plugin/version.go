package plugin

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// CompareVersions orders dotted versions number by number; a qualifier (1.0-alpha) comes before the plain version.
func CompareVersions(a, b string) int {
	an, aq, _ := strings.Cut(a, "-")
	bn, bq, _ := strings.Cut(b, "-")
	as, bs := strings.Split(an, "."), strings.Split(bn, ".")
	for i := range max(len(as), len(bs)) {
		if c := comparePart(part(as, i), part(bs, i)); c != 0 {
			return c
		}
	}
	switch {
	case aq == bq:
		return 0
	case aq == "":
		return 1
	case bq == "":
		return -1
	default:
		return strings.Compare(aq, bq)
	}
}

func part(ps []string, i int) string {
	if i < len(ps) {
		return ps[i]
	}
	return "0"
}

func comparePart(a, b string) int {
	an, aerr := strconv.Atoi(a)
	bn, berr := strconv.Atoi(b)
	switch {
	case aerr == nil && berr == nil:
		return cmp.Compare(an, bn)
	case aerr == nil:
		return 1 // a number comes after a word such as Final or alpha
	case berr == nil:
		return -1
	default:
		return strings.Compare(a, b)
	}
}

// ParseRange reads a Maven version range: "" (anything), "1.2" (that or newer, as Connect reads a soft requirement: exactly that),
// "[1.2]", "[1.0,2.0)", "(,1.5]", and several of them joined by commas.
func ParseRange(r string) (func(version string) bool, error) {
	r = strings.TrimSpace(r)
	if r == "" || strings.EqualFold(r, "latest") {
		return func(string) bool { return true }, nil
	}
	if !strings.ContainsAny(r, "[](),") {
		return func(v string) bool { return CompareVersions(v, r) == 0 }, nil
	}
	var parts []func(string) bool
	for rest := r; rest != ""; {
		end := strings.IndexAny(rest, "])")
		if end < 0 || (rest[0] != '[' && rest[0] != '(') {
			return nil, fmt.Errorf("invalid version range %q", r)
		}
		p, err := interval(rest[:end+1])
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
		rest = strings.TrimLeft(rest[end+1:], ", ")
	}
	return func(v string) bool {
		for _, p := range parts {
			if p(v) {
				return true
			}
		}
		return false
	}, nil
}

func interval(s string) (func(string) bool, error) {
	lowOpen, highOpen := s[0] == '(', s[len(s)-1] == ')'
	low, high, two := strings.Cut(s[1:len(s)-1], ",")
	low, high = strings.TrimSpace(low), strings.TrimSpace(high)
	if !two {
		if lowOpen || highOpen || low == "" {
			return nil, fmt.Errorf("invalid version range %q: a single version must be in [ ]", s)
		}
		return func(v string) bool { return CompareVersions(v, low) == 0 }, nil
	}
	return func(v string) bool {
		if low != "" {
			if c := CompareVersions(v, low); c < 0 || c == 0 && lowOpen {
				return false
			}
		}
		if high != "" {
			if c := CompareVersions(v, high); c > 0 || c == 0 && highOpen {
				return false
			}
		}
		return true
	}, nil
}

package javaregex

import (
	"strings"
	"testing"
)

func TestCompile(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		matches       bool
	}{
		{"a|ab", "ab", true}, {"a", "ab", false}, {`\Qa.b\E.*`, "a.bc", true}, {`\p{Alpha}+`, "abc", true}, {`[\p{Lower}_]+`, "a_b", true},
		{`(?<x>a)b`, "ab", true}, {`\u0061`, "a", true}, {`a\-b`, "a-b", true}, {"[]a]+", "]a", true}, {`é+`, "éé", true}, {`a+?b`, "aab", true},
		{`\++`, "++", true}, {`\d{2,3}`, "123", true},
	} {
		re, err := Compile(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if re.Full.MatchString(c.text) != c.matches {
			t.Errorf("%s on %s: want %v", c.pattern, c.text, c.matches)
		}
	}
}

func TestRefused(t *testing.T) {
	for pattern, why := range map[string]string{
		"(?=a)b": "lookahead", "(?!a)b": "lookahead", "(?<=a)b": "lookbehind", "(?<!a)b": "lookbehind", "(?>a)": "atomic", `(a)\1`: "back-reference",
		"a*+": "possessive", "[a-z&&[^b]]": "intersection", "[a[b]]": "inside another",
		"[": "Unclosed character class near index 0\n[\n^", "(a": "Unclosed group near index 2\n(a\n  ^",
		"*a": "Dangling meta character '*' near index 0\n*a\n^",
	} {
		if err := Check(pattern); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: error %v, want one about %s", pattern, err, why)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{`\p{Alpha}+`, "[]", `\Q`, `\`, "a*+", `\u00`, "(?<x>)"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, s string) {
		if re, err := Compile(s); err == nil {
			re.Full.MatchString(s)
		}
	})
}

package jsontext

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAppend(t *testing.T) {
	for in, want := range map[string]string{
		"": `""`, "plain": `"plain"`, "a<b>&'/": `"a<b>&'/"`, "q\"\\": `"q\"\\"`,
		"\b\t\n\f\r\x00\x1f\x7f": `"\b\t\n\f\r\u0000\u001F` + "\x7f\"", "é\u2028": "\"é\u2028\"", "a\xffb\xc3": "\"a\uFFFDb\uFFFD\"",
		strings.Repeat("x", 30) + "\n": `"` + strings.Repeat("x", 30) + `\n"`, "\uFFFD": "\"\uFFFD\"",
	} {
		for _, got := range [][]byte{Append(nil, in), Append(nil, []byte(in)), AppendPairs(nil, in), AppendPairs(nil, []byte(in))} {
			if string(got) != want {
				t.Errorf("%q: %s, want %s", in, got, want)
			}
		}
	}
	if got := string(Append([]byte("x"), "a😀b")); got != `x"a😀b"` {
		t.Error(got)
	}
	if got := string(AppendPairs(nil, "a😀b")); got != `"a\uD83D\uDE00b"` {
		t.Error(got)
	}
}

// PlainRun looks at eight bytes at once; it must agree with the table at every place.
func TestPlainRunAgreesWithTheTable(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			b := []byte("abcdefgh ~!#[]zzzzzz")
			b[at] = byte(c)
			want := at
			if plain[c] {
				want = len(b)
			}
			if got := PlainRun(b); got != want {
				t.Fatalf("byte %s at %d: %d, want %d", strconv.Quote(string(rune(c))), at, got, want)
			}
		}
	}
}

// FuzzAppend: what is written is JSON, and reads as the text, whichever way.
func FuzzAppend(f *testing.F) {
	for _, s := range []string{"", "a😀\x00", "1234567\"", "\xf0\x9f\x98", "\\u0041"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, b := range [][]byte{Append(nil, s), AppendPairs(nil, []byte(s))} {
			var got string
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatalf("%q: %s: %v", s, b, err)
			}
			if utf8.ValidString(s) && got != s {
				t.Errorf("%q became %q", s, got)
			}
		}
	})
}

//go:build integration

package row

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// TestCharsetsAreTheServers decodes every byte of every character set of one byte, and every pair of bytes that the server takes for a
// character of those of two, and compares with what the server makes of it: the snapshot gets the server's, the stream ours.
func TestCharsetsAreTheServers(t *testing.T) {
	s := connect(t)
	r, err := s.conn.Execute("SELECT CHARACTER_SET_NAME, MAXLEN FROM INFORMATION_SCHEMA.CHARACTER_SETS ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.RowNumber() {
		name, _ := r.GetString(i, 0)
		width, _ := r.GetInt(i, 1)
		if name == "binary" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			cs, err := findCharset(name)
			if err != nil {
				t.Fatal(err)
			}
			codes := make([]string, 0, 65536)
			switch name {
			case "utf8mb3", "utf8mb4", "ucs2", "utf16", "utf16le", "utf32":
				return // by TestSnapshotAndStreamAgree
			}
			for hi := range 256 {
				codes = append(codes, fmt.Sprintf("%02X", hi))
			}
			if width > 1 {
				for hi := 0x80; hi < 256; hi++ {
					for lo := 0x30; lo < 256; lo++ {
						codes = append(codes, fmt.Sprintf("%02X%02X", hi, lo))
					}
				}
			}
			compareCharset(t, s, name, cs, codes, width > 1)
		})
	}
}

// compareCharset asks the server for the UTF-8 of each code that is one well-formed character to it.
func compareCharset(t *testing.T, s *server, name string, cs *charset, codes []string, multi bool) {
	t.Helper()
	wrong := 0
	for len(codes) > 0 {
		n := min(len(codes), 2000)
		var sql strings.Builder
		for i, c := range codes[:n] {
			if i > 0 {
				sql.WriteString(" UNION ALL ")
			}
			fmt.Fprintf(&sql, "SELECT '%[1]s', HEX(CONVERT(CONVERT(UNHEX('%[1]s') USING %[2]s) USING utf8mb4)), CHAR_LENGTH(CONVERT(UNHEX('%[1]s') USING %[2]s))", c, name)
		}
		codes = codes[n:]
		r, err := s.conn.Execute(sql.String())
		if err != nil {
			t.Fatal(err)
		}
		for i := range r.RowNumber() {
			code, _ := r.GetString(i, 0)
			want, _ := r.GetString(i, 1)
			length, _ := r.GetInt(i, 2)
			b, _ := hex.DecodeString(code)
			lone := len(b) == 2 && (name == "sjis" || name == "cp932") && b[0] >= 0xA0 && b[0] <= 0xDF // two characters
			if want == "" || length != 1 || lone || want == "3F" && (len(b) > 1 || multi) {
				continue // the server does not store it, or has no Unicode for it
			}
			var mem Memory
			if got := fmt.Sprintf("%X", cs.decode(b, &mem)); got != want {
				if wrong++; wrong <= 10 {
					u, _ := hex.DecodeString(want)
					t.Errorf("%s %s: got %s, the server says %s %q", name, code, got, want, u)
				}
			}
		}
	}
	if wrong > 10 {
		t.Errorf("%s: %d codes differ", name, wrong)
	}
}

package casetest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/data"
)

// Case is one golden case.
type Case struct {
	ID        string            `json:"id"`
	Op        string            `json:"op"` // to, from
	Converter string            `json:"converter"`
	Config    map[string]string `json:"config"`
	Header    bool              `json:"header"`
	IsKey     bool              `json:"isKey"`
	Text      *string           `json:"text"` // input of "to"; neither text nor b64: null
	B64       *[]byte           `json:"b64"`
	Data      Data              `json:"data"`
	Expected  Expected          `json:"expected"`
}

// Data is the input of "from".
type Data struct {
	Envelope json.RawMessage `json:"envelope"`
	Plain    json.RawMessage `json:"plain"`
	Typed    *Typed          `json:"typed"`
}

// Expected is what Java did.
type Expected struct {
	B64       *[]byte         `json:"b64"`
	Schema    json.RawMessage `json:"schema"`
	Typed     *Typed          `json:"typed"`
	BackB64   *[]byte         `json:"backB64"`
	BackError *Failure        `json:"backError"`
	Error     *Failure        `json:"error"`
}

// Failure is an error of Java's.
type Failure struct {
	Stage   string `json:"stage"`
	Class   string `json:"class"`
	Message string `json:"message"`
}

// Matches tells whether err is the same failure: any error for those of the Java runtime, else one that begins with the message.
func (f *Failure) Matches(err error) bool {
	if err == nil {
		return false
	}
	for _, loose := range []string{"NullPointer", "IndexOutOfBounds", "ClassCast"} {
		if strings.Contains(f.Class, loose) {
			return true
		}
	}
	return strings.HasPrefix(err.Error(), f.Message)
}

// Input is the input of "to"; nil for null.
func (c *Case) Input() []byte {
	switch {
	case c.Text != nil:
		return append([]byte{}, *c.Text...)
	case c.B64 != nil:
		return append([]byte{}, *c.B64...)
	default:
		return nil
	}
}

// Datum is the input of "from". decode is a JSON converter with schemas or without.
func (c *Case) Datum(t *testing.T, decode func(b []byte, schemas bool) (data.Datum, error)) (data.Datum, error) {
	t.Helper()
	switch {
	case c.Data.Envelope != nil:
		return decode(c.Data.Envelope, true)
	case c.Data.Plain != nil:
		return decode(c.Data.Plain, false)
	case c.Data.Typed != nil:
		return data.Datum{Value: c.Data.Typed.Value(t)}, nil
	default:
		return data.Datum{}, nil
	}
}

// Load reads a file of cases.
func Load(t testing.TB, path string) []Case {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out []Case
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c Case
		dec := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		dec.UseNumber()
		if err := dec.Decode(&c); err != nil {
			t.Fatalf("reading %s: %v", path, err)
		}
		out = append(out, c)
	}
	if err := lines.Err(); err != nil || len(out) == 0 {
		t.Fatalf("reading %s: %d cases, %v", path, len(out), err)
	}
	return out
}

// SameJSON compares texts of JSON, objects unordered, numbers by their text.
func SameJSON(a, b []byte) bool {
	x, errX := canonical(a)
	y, errY := canonical(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func canonical(b []byte) ([]byte, error) {
	var v any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

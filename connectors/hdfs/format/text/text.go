package text

import (
	"io"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/hdfs/format"
)

// Format is the text format.
type Format struct{}

// New makes the format.
func New() format.Format { return Format{} }

// Extension is ".txt".
func (Format) Extension() string { return ".txt" }

// NewWriter takes any schema, and none.
func (Format) NewWriter(w io.Writer, _ *data.Schema) (format.Writer, error) {
	return &writer{w: w}, nil
}

type writer struct {
	w   io.Writer
	buf []byte
}

// Write renders v as Java's String.valueOf does for texts, numbers and structs; bytes are base64.
func (t *writer) Write(v data.Value) error {
	t.buf = append(append(t.buf[:0], v.String()...), '\n')
	_, err := t.w.Write(t.buf)
	return err
}

func (t *writer) Close() error { return nil }

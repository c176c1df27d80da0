package format

import (
	"io"

	"github.com/connectd/connectd/connect/data"
)

// Format makes the files of one format. Safe for use by one goroutine: it may keep plans per schema.
type Format interface {
	// Extension is the end of file names, with the dot.
	Extension() string
	// NewWriter starts a file of values of schema s on w; a nil s is schemaless. A *ValueError means that the format
	// cannot hold values of that schema. w is not closed.
	NewWriter(w io.Writer, s *data.Schema) (Writer, error)
}

// Writer writes one file. Close ends the file; without it the file is not valid.
type Writer interface {
	Write(v data.Value) error
	Close() error
}

// DocumentWriter is a Writer that also takes what was rendered before.
type DocumentWriter interface {
	Writer
	// WriteDocument writes doc, one compact JSON object, as Write would the value it was made of.
	WriteDocument(doc []byte) error
}

// ValueError is a value, or a schema, that the format cannot hold.
type ValueError struct{ Err error }

func (e *ValueError) Error() string { return e.Err.Error() }
func (e *ValueError) Unwrap() error { return e.Err }

package avro

import (
	"errors"
	"fmt"
	"io"

	"github.com/hamba/avro/v2"
	"github.com/hamba/avro/v2/ocf"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/hdfs/format"
)

// syncInterval is how many bytes a block holds at least (Avro's DataFileConstants.DEFAULT_SYNC_INTERVAL).
const syncInterval = 64000

// Config are the settings of AvroData and of the files.
type Config struct {
	Codec                string // null, deflate or snappy
	ConnectMetaData      bool   // connect.meta.data: keep the connect.* properties
	Enhanced             bool   // enhanced.avro.schema.support: keep packages as namespaces
	AllowOptionalMapKeys bool   // allow.optional.map.keys
	CacheSize            int    // schemas to keep plans for; at least 1
}

// Format is the Avro format.
type Format struct {
	conf  Config
	cache map[*data.Schema]*plan
}

// New makes the format.
func New(c Config) format.Format {
	c.CacheSize = max(c.CacheSize, 1)
	return &Format{conf: c, cache: map[*data.Schema]*plan{}}
}

// Extension is ".avro".
func (f *Format) Extension() string { return ".avro" }

// plan is what is known of one schema.
type plan struct {
	text   []byte
	schema avro.Schema
	enc    *encoder
}

func (f *Format) plan(s *data.Schema) (*plan, error) {
	if p := f.cache[s]; p != nil {
		return p, nil
	}
	text, err := SchemaJSON(s, f.conf)
	if err != nil {
		return nil, err
	}
	parsed, err := avro.ParseBytesWithCache(text, "", &avro.SchemaCache{})
	if err != nil {
		return nil, fmt.Errorf("the schema %q cannot be an Avro schema: %w", s.Name(), err)
	}
	if len(f.cache) >= f.conf.CacheSize {
		clear(f.cache)
	}
	p := &plan{text, parsed, newEncoder(s, f.conf)}
	f.cache[s] = p
	return p, nil
}

// NewWriter refuses values without a schema, and schemas Avro cannot express.
func (f *Format) NewWriter(w io.Writer, s *data.Schema) (format.Writer, error) {
	if s == nil {
		return nil, &format.ValueError{Err: errors.New("Avro files need values with a schema; use JsonFormat, or a converter with schemas")}
	}
	p, err := f.plan(s)
	if err != nil {
		return nil, &format.ValueError{Err: err}
	}
	out, err := ocf.NewEncoderWithSchema(p.schema, w, ocf.WithCodec(ocf.CodecName(f.conf.Codec)), ocf.WithBlockLength(0), ocf.WithBlockSize(syncInterval),
		ocf.WithSchemaMarshaler(func(avro.Schema) ([]byte, error) { return p.text, nil }))
	if err != nil {
		return nil, err
	}
	return &writer{out: out, enc: p.enc}, nil
}

type writer struct {
	out *ocf.Encoder
	enc *encoder
	buf []byte
}

func (w *writer) Write(v data.Value) error {
	b, err := w.enc.append(w.buf[:0], v)
	if err != nil {
		return &format.ValueError{Err: err}
	}
	w.buf = b
	_, err = w.out.Write(b)
	return err
}

func (w *writer) Close() error { return w.out.Close() }

package hdfs

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/connecttest"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/hdfs/format"
	jsonfmt "github.com/connectd/connectd/connectors/hdfs/format/json"
	"github.com/connectd/connectd/converters/json"
)

func converter(t testing.TB) connect.DocumentConverter {
	t.Helper()
	d := connecttest.ConverterDriver{Plugin: json.Plugin("test"), Props: config.Props{"converter.type": "value", "schemas.enable": "false"}}
	return d.New(t, false).(connect.DocumentConverter)
}

// reading starts a task that writes below root and has tp0.
func reading(t testing.TB, root string, props config.Props) *task {
	t.Helper()
	p := config.Props{"store.url": "hdfs://test:8020", "flush.size": "1000", "format.class": jsonFormat}
	for k, v := range props {
		p[k] = v
	}
	v, err := def.Parse(p)
	if err != nil {
		t.Fatal(err)
	}
	k := newTask()
	k.connectFS = func() (fileSystem, string, error) { return localFS{root: root}, "/", nil }
	tc := connect.SinkTaskContext{Config: v, Control: &control{seek: connect.Offsets{}}, Log: slog.New(slog.DiscardHandler)}
	if err := k.Start(t.Context(), tc); err != nil {
		t.Fatal(err)
	}
	if err := k.Open(t.Context(), []connect.TopicPartition{tp0}); err != nil {
		t.Fatal(err)
	}
	return k
}

// readAs is a record as the runtime makes it of the bytes; documents are passed if pass says so.
func readAs(t testing.TB, c connect.DocumentConverter, offset int64, b []byte, pass bool) *connect.SinkRecord {
	t.Helper()
	r := order(tp0, offset)
	r.Wire, r.Value = &connect.Wire{Value: b}, data.Datum{}
	if r.Document = pass && c.IsDocument(b); !r.Document {
		var err error
		if r.Value, err = c.Decode(t.Context(), tp0.Topic, nil, b); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func texts() (out [][]byte) {
	for i := range 250 {
		out = append(out, fmt.Appendf(nil, `{"id":%d,"name":"Sally \"é😀\" \u001F","price":%d.5,"flags":[true,null,{}],"ts_ns":1700000000123456789}`, i, i),
			fmt.Appendf(nil, `{ "id": %d, "price": 1e%d, "id": 1}`, i, i%30), fmt.Appendf(nil, `{"a":"\u0041","b":%d.10}`, i), []byte(`[1, 2]`))
	}
	return out
}

// The files are the same whether documents are passed or decoded.
func TestPassedDocumentsMakeTheSameFiles(t *testing.T) {
	c := converter(t)
	for name, props := range map[string]config.Props{
		"default": {},
		"time": {"partitioner.class": partitionerPackage + "TimeBasedPartitioner", "path.format": "'m'=mm", "partition.duration.ms": "60000",
			"locale": "en", "timezone": "UTC", "timestamp.extractor": "Record", "rotate.interval.ms": "300000"},
	} {
		t.Run(name, func(t *testing.T) {
			var files [2]map[string][]byte
			for i, pass := range []bool{false, true} {
				root := memDir(t)
				k := reading(t, root, props)
				if !k.TakesDocuments() {
					t.Fatal("documents are not taken")
				}
				var batch []*connect.SinkRecord
				passed := 0
				for n, b := range texts() {
					r := readAs(t, c, int64(n), b, pass)
					if r.Document {
						passed++
					}
					batch = append(batch, r)
				}
				if want := map[bool]int{false: 0, true: 250}[pass]; passed != want {
					t.Fatalf("%d are passed, want %d", passed, want)
				}
				if err := k.Put(t.Context(), batch); err != nil {
					t.Fatal(err)
				}
				if err := k.Stop(t.Context()); err != nil {
					t.Fatal(err)
				}
				files[i] = map[string][]byte{}
				for _, f := range committedFiles(t, root) {
					b, err := os.ReadFile(f)
					if err != nil {
						t.Fatal(err)
					}
					at, err := filepath.Rel(root, f)
					if err != nil {
						t.Fatal(err)
					}
					files[i][at] = b
				}
			}
			if len(files[0]) == 0 || len(files[0]) != len(files[1]) {
				t.Fatalf("%d files, passed %d", len(files[0]), len(files[1]))
			}
			for f, b := range files[0] {
				if !bytes.Equal(b, files[1][f]) {
					t.Errorf("%s differs", f)
				}
			}
		})
	}
}

func TestTakesDocuments(t *testing.T) {
	timed := func(extractor string) config.Props {
		return config.Props{"partitioner.class": partitionerPackage + "HourlyPartitioner", "locale": "en", "timezone": "UTC", "timestamp.extractor": extractor}
	}
	for name, x := range map[string]struct {
		props config.Props
		want  bool
	}{
		"default":      {nil, true},
		"wall clock":   {timed("Wallclock"), true},
		"record time":  {timed("Record"), true},
		"field time":   {timed("RecordField"), false},
		"fields":       {config.Props{"partitioner.class": partitionerPackage + "FieldPartitioner", "partition.field.name": "id"}, false},
		"Avro":         {config.Props{"format.class": avroFormat}, false},
		"StringFormat": {config.Props{"format.class": stringFormat}, false},
	} {
		t.Run(name, func(t *testing.T) {
			k := reading(t, memDir(t), x.props)
			if got := k.TakesDocuments(); got != x.want {
				t.Errorf("got %t", got)
			}
			if err := k.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// BenchmarkDebezium is the way of a record from the bytes read to the local spool.
func BenchmarkDebezium(b *testing.B) {
	text := fmt.Appendf(nil, `{"before":null,"after":{"id":1001,"first_name":"Sally","last_name":"Thomas","email":"sally.thomas@acme.com"},"source":`+
		`{"version":"3.6.1.Final","connector":"mysql","name":"dbserver1","ts_ms":1700000000000,"snapshot":"first","db":"inventory","sequence":null,`+
		`"ts_us":1700000000000000,"ts_ns":1700000000000000000,"table":"customers","server_id":0,"gtid":null,"file":"binlog.000002","pos":157,"row":0,`+
		`"thread":null,"query":null},"transaction":null,"op":"r","ts_ms":1700000000123,"ts_us":1700000000123456,"ts_ns":1700000000123456789}`)
	for _, pass := range []bool{false, true} {
		b.Run(map[bool]string{false: "decoded", true: "passed"}[pass], func(b *testing.B) {
			c, k := converter(b), reading(b, b.TempDir(), config.Props{"flush.size": "100000000"})
			var batch []*connect.SinkRecord
			for range 500 {
				batch = append(batch, readAs(b, c, 0, text, pass))
			}
			next := int64(0)
			b.SetBytes(int64(len(text) * len(batch)))
			b.ReportAllocs()
			for b.Loop() {
				for _, r := range batch {
					r.Original.Offset = next
					next++
					if pass {
						r.Document = c.IsDocument(text)
					} else {
						r.Value, _ = c.Decode(b.Context(), tp0.Topic, nil, text)
					}
				}
				if err := k.Put(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(next), "ns/record")
			if err := k.Stop(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// FuzzPassedDocument: what is passed is what JsonFormat would have written.
func FuzzPassedDocument(f *testing.F) {
	for _, b := range texts()[:8] {
		f.Add(b)
	}
	f.Add([]byte(`{"a":[0.001,9999999.5,-0.5,1.0,0.0,123456.789012345,1.7976931348623157e308],"b":{"c":[{}]}}`))
	c, files := converter(f), jsonfmt.New()
	f.Fuzz(func(t *testing.T, b []byte) {
		if !c.IsDocument(b) {
			return
		}
		d, err := c.Decode(t.Context(), tp0.Topic, nil, b)
		if err != nil || d.Schema != nil {
			t.Fatalf("%v: %q", err, b)
		}
		var decoded, passed bytes.Buffer
		w, err := files.NewWriter(&decoded, nil)
		if err == nil {
			err = w.Write(d.Value)
		}
		if err != nil {
			t.Fatal(err)
		}
		if w, err = files.NewWriter(&passed, nil); err == nil {
			err = w.(format.DocumentWriter).WriteDocument(b)
		}
		if err != nil || !bytes.Equal(decoded.Bytes(), passed.Bytes()) {
			t.Fatalf("%v\ndecoded %q\npassed  %q", err, decoded.Bytes(), passed.Bytes())
		}
	})
}

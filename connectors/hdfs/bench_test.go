package hdfs

import (
	"log/slog"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// BenchmarkPut is the way of a record from the batch to the local spool, without HDFS.
func BenchmarkPut(b *testing.B) {
	for name, class := range map[string]string{"json": jsonFormat, "avro": avroFormat, "parquet": parquetFormat} {
		for part, props := range layouts {
			b.Run(name+"/"+part, func(b *testing.B) {
				p := config.Props{"store.url": "hdfs://test:8020", "flush.size": "100000000", "format.class": class}
				for k, v := range props {
					p[k] = v
				}
				v, err := def.Parse(p)
				if err != nil {
					b.Fatal(err)
				}
				t := newTask()
				t.connectFS = func() (fileSystem, string, error) { return localFS{root: b.TempDir()}, "/", nil }
				if err := t.Start(b.Context(), connect.SinkTaskContext{Config: v, Control: &control{seek: connect.Offsets{}}, Log: slog.New(slog.DiscardHandler)}); err != nil {
					b.Fatal(err)
				}
				if err := t.Open(b.Context(), []connect.TopicPartition{tp0}); err != nil {
					b.Fatal(err)
				}
				var batch []*connect.SinkRecord
				for i := range int64(500) {
					batch = append(batch, order(tp0, i))
				}
				next := int64(0)
				b.ReportAllocs()
				for b.Loop() {
					for _, r := range batch {
						r.Original.Offset = next
						next++
					}
					if err := t.Put(b.Context(), batch); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(next), "ns/record")
				if err := t.Stop(b.Context()); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

package cdc

import (
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
)

// benchWriter is a writer with the table d.t.
func benchWriter(b *testing.B) (*writer, *tableInfo) {
	set, err := settingsOf(parseConfig(b, minimal(nil)))
	if err != nil {
		b.Fatal(err)
	}
	m := history.NewModel(0)
	if _, err := history.NewParser().Apply(m, history.Session{Database: "d"}, "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(64) CHARSET utf8mb4, n BIGINT)"); err != nil {
		b.Fatal(err)
	}
	info, err := newTables(set, m).info(history.TableID{DB: "d", Name: "t"})
	if err != nil || info == nil {
		b.Fatal(err)
	}
	return newWriter(set, 0, time.Now), info
}

// benchRecords makes whole records in a queue, whose batches are recycled.
func benchRecords(b *testing.B, next func(mem *row.Memory) (row.Row, error), change func(w *writer, q *queue, batch *batch, r row.Row)) {
	w, _ := benchWriter(b)
	q := newQueue(2048, 8192, 0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := q.begin(b.Context()); err != nil {
			b.Fatal(err)
		}
		batch, err := q.batch(b.Context(), recordsPerRow)
		if err != nil {
			b.Fatal(err)
		}
		r, err := next(&batch.mem)
		if err != nil {
			b.Fatal(err)
		}
		change(w, q, batch, r)
		q.end()
		if i%2000 == 1999 {
			out, _ := q.take(b.Context(), time.Second, 0)
			q.recycle(out)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkRecordsOfSnapshot makes records of rows of the text protocol.
func BenchmarkRecordsOfSnapshot(b *testing.B) {
	_, info := benchWriter(b)
	text := func(s string) mysql.FieldValue {
		return mysql.NewFieldValue(mysql.FieldValueTypeString, 0, []byte(s))
	}
	fields := []mysql.FieldValue{text("42"), text("name of forty-two"), text("4200000000")}
	from := &rowOffset{base: &offset{file: "a.1", pos: 4}}
	o := origin{snapshot: snapshotFalse}
	benchRecords(b, func(mem *row.Memory) (row.Row, error) { return info.codec.DecodeText(fields, mem) },
		func(w *writer, q *queue, batch *batch, r row.Row) {
			w.change(q, batch, info, &o, opRead, row.Row{}, r, from, from, 100)
		})
}

// BenchmarkRecordsOfStream makes records of row images of the binary log.
func BenchmarkRecordsOfStream(b *testing.B) {
	_, info := benchWriter(b)
	tm := &replication.TableMapEvent{ColumnCount: 3, ColumnType: []byte{mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_VARCHAR, mysql.MYSQL_TYPE_LONGLONG},
		ColumnMeta: []uint16{0, 256, 0}, NullBitmap: []byte{6}}
	image := []byte("\x00\x2a\x00\x00\x00\x04\x00name\x00\x01\x02\x03\x04\x05\x06\x07")
	from := &rowOffset{base: &offset{file: "a.1", pos: 4}}
	o := origin{snapshot: snapshotFalse}
	benchRecords(b, func(mem *row.Memory) (row.Row, error) {
		r, rest, err := info.codec.DecodeBinlog(image, tm, nil, row.Row{}, mem)
		if len(rest) > 0 {
			b.Fatal("bytes are left")
		}
		return r, err
	}, func(w *writer, q *queue, batch *batch, r row.Row) {
		w.change(q, batch, info, &o, opCreate, row.Row{}, r, from, from, 100)
	})
}

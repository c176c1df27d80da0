package cdc

import (
	"fmt"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/row"
)

// window is a chunk that was read and waits for the stream. Its rows are decoded, in memory of their own that is never used again.
type window struct {
	job  *job
	info *tableInfo
	key  *chunkKey
	mem  row.Memory

	rows  []row.Row
	sizes []int
	gone  []bool
	next  []int32 // the next row of the same identity, or -1
	first map[string]int32
	left  int

	read int      // rows
	last keyTexts // of the rows read
	end  bool     // there are no more in the span

	mark   watermark
	closed bool // by the signal table
	buf    []byte
}

func newWindow(j *job, info *tableInfo, key *chunkKey) *window {
	return &window{job: j, info: info, key: key, first: map[string]int32{}}
}

// add takes a row of the chunk.
func (w *window) add(f []mysql.FieldValue) error {
	r, err := w.info.codec.DecodeText(f, &w.mem)
	if err != nil {
		return fmt.Errorf("%w: %w", errDecode, err)
	}
	size := 0
	for i := range f {
		size += len(f[i].AsString())
	}
	w.read++
	w.last = w.key.of(f)
	n := int32(len(w.rows))
	w.rows, w.sizes, w.gone = append(w.rows, r), append(w.sizes, size), append(w.gone, false)
	w.left++
	id, ok := w.identity(r)
	if !ok {
		return &skippedTable{scanNoKey, "the columns to tell rows apart by are not in the records (column.exclude.list, column.mask.*)"}
	}
	before, known := w.first[string(id)]
	if !known {
		before = -1
	}
	w.next = append(w.next, before)
	w.first[string(id)] = n
	return nil
}

// identity is what tells a row from others: the record's key, or the columns the table is read by. The bytes are good until the next call.
func (w *window) identity(r row.Row) ([]byte, bool) {
	w.buf = w.buf[:0]
	if w.info.codec.KeySchema() != nil {
		k := w.info.codec.Key(r, &w.mem)
		if k == nil {
			return nil, false
		}
		for i := range w.info.codec.KeySchema().Fields() {
			w.buf = appendIdentity(w.buf, k.At(i))
		}
		return w.buf, true
	}
	for i := range w.key.cols {
		v, ok := w.info.codec.Column(r, w.key.cols[i].index)
		if !ok {
			return nil, false
		}
		w.buf = appendIdentity(w.buf, v)
	}
	return w.buf, true
}

func appendIdentity(b []byte, v data.Value) []byte {
	text := v.String()
	b = strconv.AppendInt(b, int64(len(text)), 10)
	b = append(b, byte('A'+v.Kind()))
	return append(b, text...)
}

// changed drops a row that the stream has changed.
func (w *window) changed(r row.Row) {
	if r.Value == nil {
		return
	}
	id, ok := w.identity(r)
	if !ok {
		return
	}
	i, ok := w.first[string(id)]
	for ok && i >= 0 {
		if !w.gone[i] {
			w.gone[i] = true
			w.left--
		}
		i = w.next[i]
	}
}

// progress takes what was read out of what is left to read.
func (w *window) progress() {
	j := w.job
	j.rows += int64(w.read)
	spans := append([]keySpan(nil), j.spans...)
	if w.end {
		spans = spans[1:]
	} else {
		spans[0].From = w.last
	}
	j.spans = spans
	if len(spans) == 0 {
		j.spans = []keySpan{}
	}
}

package cdc

import (
	"strconv"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
)

// Version is what source.version says: the release of Debezium whose records these are.
const Version = "3.6.1.Final"

// Fields of the source block (MySqlSourceInfoStructMaker), in order.
const (
	srcVersion = iota
	srcConnector
	srcName
	srcTsMs
	srcSnapshot
	srcDB
	srcSequence
	srcTsUs
	srcTsNs
	srcTable
	srcServerID
	srcGTID
	srcFile
	srcPos
	srcRow
	srcThread
	srcQuery
)

func sourceSchema(name string) *data.Schema {
	return data.MakeStruct(name).Version(1).
		Field("version", data.StringSchema).
		Field("connector", data.StringSchema).
		Field("name", data.StringSchema).
		Field("ts_ms", data.Int64Schema).
		Field("snapshot", data.Make(data.KindString).Name("io.debezium.data.Enum").Version(1).
			Param("allowed", "true,first,first_in_data_collection,last_in_data_collection,last,false,incremental").
			Optional().Default(data.String("false")).Build()).
		Field("db", data.StringSchema).
		Field("sequence", data.OptionalStringSchema).
		Field("ts_us", data.OptionalInt64Schema).
		Field("ts_ns", data.OptionalInt64Schema).
		Field("table", data.OptionalStringSchema).
		Field("server_id", data.Int64Schema).
		Field("gtid", data.OptionalStringSchema).
		Field("file", data.StringSchema).
		Field("pos", data.Int64Schema).
		Field("row", data.Int32Schema).
		Field("thread", data.OptionalInt64Schema).
		Field("query", data.OptionalStringSchema).
		Build()
}

var transactionSchema = data.MakeStruct("event.block").Version(1).
	Field("id", data.StringSchema).
	Field("total_order", data.Int64Schema).
	Field("data_collection_order", data.Int64Schema).
	Optional().Build()

// Fields of the envelope, in order.
const (
	envBefore = iota
	envAfter
	envSource
	envTransaction
	envOp
	envTsMs
	envTsUs
	envTsNs
)

func envelopeSchema(name string, value, source *data.Schema) *data.Schema {
	return data.MakeStruct(name).Version(2).
		Field("before", value).
		Field("after", value).
		Field("source", source).
		Field("transaction", transactionSchema).
		Field("op", data.StringSchema).
		Field("ts_ms", data.OptionalInt64Schema).
		Field("ts_us", data.OptionalInt64Schema).
		Field("ts_ns", data.OptionalInt64Schema).
		Build()
}

// Headers of a changed primary key, and of the context every record carries.
const (
	headerNewKey = "__debezium.newkey"
	headerOldKey = "__debezium.oldkey"
)

// tableInfo is what the records of one version of a table need.
type tableInfo struct {
	id       history.TableID
	topic    string
	codec    *row.Codec
	envelope *data.Schema
	db, name data.Value

	keyColumns []string // of message.key.columns; nil: the table's own key
}

// writer makes records. One goroutine.
type writer struct {
	set       *settings
	partition *connect.SourcePartition
	context   connect.Headers // nil if extended.headers.enabled is false
	now       func() time.Time

	version, connector, name data.Value
}

func newWriter(set *settings, task int32, now func() time.Time) *writer {
	w := &writer{
		set: set, partition: sourcePartition(set.prefix), now: now,
		version: data.String(Version), connector: data.String(set.flavor.connector), name: data.String(set.prefix),
	}
	if set.headers {
		text := func(s string) data.Datum { return data.Datum{Schema: data.StringSchema, Value: data.String(s)} }
		w.context = connect.Headers{
			{Key: "__debezium.context.connectorLogicalName", Value: text(set.prefix)},
			{Key: "__debezium.context.taskId", Value: text(strconv.Itoa(int(task)))},
			{Key: "__debezium.context.connectorName", Value: text(set.flavor.connector)},
			{Key: "__debezium.context.runId", Value: text(runID(now()))},
		}
	}
	return w
}

// origin is where a change comes from: the source block but for names of the connector.
type origin struct {
	tsMicros int64
	tsNanos  int64 // of the last microsecond; schema changes of a snapshot have it
	snapshot data.Value
	serverID uint32
	gtid     data.Value
	file     data.Value
	pos      uint64
	row      int32
	thread   data.Value
	query    data.Value
	tx       *txCounter // nil: no transaction metadata
	tables   string     // of a schema change, see changedTables

	made madeSource
}

// madeSource is the source block made last from an origin, and what it was made for. Blocks of one batch that differ in nothing are one
// struct, and those that differ in the row only are copies: nothing else of an origin changes while rows are made from it.
type madeSource struct {
	block    *data.Struct
	table    *tableInfo
	mem      *row.Memory
	reuses   uint64 // of mem: after it was reset the block is gone
	row      int32
	snapshot data.Value
}

var snapshotFalse = data.String("false")

// sourceOf is the source block of a row of t.
func (w *writer) sourceOf(mem *row.Memory, o *origin, t *tableInfo) *data.Struct {
	m := &o.made
	if m.block == nil || m.mem != mem || m.reuses != mem.Reuses() || m.table != t {
		m.block = w.source(mem, o, t.db, t.name)
	} else if m.row != o.row || !m.snapshot.Equal(o.snapshot) {
		m.block = mem.Slab.Copy(m.block)
		m.block.Set(srcRow, data.Int32(o.row))
		m.block.Set(srcSnapshot, o.snapshot)
	}
	m.table, m.mem, m.reuses, m.row, m.snapshot = t, mem, mem.Reuses(), o.row, o.snapshot
	return m.block
}

func (w *writer) source(mem *row.Memory, o *origin, db, table data.Value) *data.Struct {
	s := mem.Slab.New(w.set.flavor.source)
	s.Set(srcVersion, w.version)
	s.Set(srcConnector, w.connector)
	s.Set(srcName, w.name)
	s.Set(srcTsMs, data.Int64(o.tsMicros/1000))
	s.Set(srcSnapshot, o.snapshot)
	s.Set(srcDB, db)
	s.Set(srcTsUs, data.Int64(o.tsMicros))
	s.Set(srcTsNs, data.Int64(o.tsMicros*1000+o.tsNanos))
	s.Set(srcTable, table)
	s.Set(srcServerID, data.Int64(int64(o.serverID)))
	s.Set(srcGTID, o.gtid)
	s.Set(srcFile, o.file)
	s.Set(srcPos, data.Int64(int64(o.pos)))
	s.Set(srcRow, data.Int32(o.row))
	s.Set(srcThread, o.thread)
	s.Set(srcQuery, o.query)
	return s
}

var (
	opCreate   = data.String("c")
	opUpdate   = data.String("u")
	opDelete   = data.String("d")
	opRead     = data.String("r")
	opTruncate = data.String("t")
)

// envelope makes the value of a change; before or after may be nil.
func (w *writer) envelope(mem *row.Memory, t *tableInfo, o *origin, op data.Value, before, after *data.Struct) data.Datum {
	e := mem.Slab.New(t.envelope)
	if before != nil {
		e.Set(envBefore, data.Of(before))
	}
	if after != nil {
		e.Set(envAfter, data.Of(after))
	}
	e.Set(envSource, data.Of(w.sourceOf(mem, o, t)))
	if o.tx != nil && o.tx.id != "" {
		e.Set(envTransaction, o.tx.event(mem, t.id.String()))
	}
	e.Set(envOp, op)
	now := w.now().UnixNano()
	e.Set(envTsMs, data.Int64(now/1e6))
	e.Set(envTsUs, data.Int64(now/1e3))
	e.Set(envTsNs, data.Int64(now))
	return data.Datum{Schema: t.envelope, Value: data.Of(e)}
}

// key is the record key of a row; the zero Datum for tables without a key.
func (info *tableInfo) key(r row.Row, mem *row.Memory) data.Datum {
	k := info.codec.Key(r, mem)
	if k == nil {
		return data.Datum{}
	}
	return data.Datum{Schema: info.codec.KeySchema(), Value: data.Of(k)}
}

// record makes a record of a table's topic.
func (w *writer) record(t *tableInfo, key, value data.Datum, h connect.Headers, at connect.SourceOffset) connect.SourceRecord {
	return connect.SourceRecord{
		Record: connect.Record{
			Topic: t.topic, Partition: connect.NoPartition, Offset: connect.NoOffset, Timestamp: connect.NoTimestamp,
			Key: key, Value: value, Headers: h,
		},
		Position: connect.Position{Partition: w.partition, Offset: at},
	}
}

// keyHeaders are the headers of one half of a changed primary key.
func (w *writer) keyHeaders(name string, key data.Datum) connect.Headers {
	h := make(connect.Headers, 0, len(w.context)+1)
	return append(append(h, connect.Header{Key: name, Value: key}), w.context...)
}

// change puts the records of one changed row into the queue: one, two with a tombstone, three for a changed primary key. before is the
// offset up to the row before, done the one that includes this row: only the last record carries it (see the package doc).
func (w *writer) change(q *queue, b *batch, t *tableInfo, o *origin, op data.Value, before, after row.Row, from, done connect.SourceOffset, bytes int) {
	mem := &b.mem
	if op.Equal(opUpdate) {
		oldKey, newKey := t.key(before, mem), t.key(after, mem)
		if newKey.Schema != nil && !oldKey.Value.Equal(newKey.Value) {
			h := w.keyHeaders(headerNewKey, newKey)
			q.add(b, w.record(t, oldKey, w.envelope(mem, t, o, opDelete, before.Value, nil), h, from), bytes)
			if w.set.tombstones {
				q.add(b, w.record(t, oldKey, data.Datum{}, h, from), 0)
			}
			q.add(b, w.record(t, newKey, w.envelope(mem, t, o, opCreate, nil, after.Value), w.keyHeaders(headerOldKey, oldKey), done), bytes)
			return
		}
		if w.set.skipUnchanged && before.Value.Equal(after.Value) {
			return
		}
		q.add(b, w.record(t, newKey, w.envelope(mem, t, o, op, before.Value, after.Value), w.context, done), bytes)
		return
	}
	if after.Value != nil {
		q.add(b, w.record(t, t.key(after, mem), w.envelope(mem, t, o, op, nil, after.Value), w.context, done), bytes)
		return
	}
	key := t.key(before, mem)
	value := w.envelope(mem, t, o, op, before.Value, nil)
	if !w.set.tombstones {
		q.add(b, w.record(t, key, value, w.context, done), bytes)
		return
	}
	q.add(b, w.record(t, key, value, w.context, from), bytes)
	q.add(b, w.record(t, key, data.Datum{}, w.context, done), 0)
}

// recordsPerRow is the most that change adds.
const recordsPerRow = 3

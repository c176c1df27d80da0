package cdc

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/row"
	"github.com/connectd/connectd/internal/javamap"
)

// Schemas of transaction metadata (provide.transaction.metadata; SchemaFactory.transactionKeySchema, transactionValueSchema).
var (
	transactionKey = data.MakeStruct("io.debezium.connector.common.TransactionMetadataKey").Version(1).
			Field("id", data.StringSchema).
			Build()
	collectionSchema = data.MakeStruct("event.collection").Version(1).
				Field("data_collection", data.StringSchema).
				Field("event_count", data.Int64Schema).
				Optional().Build()
	transactionValue = data.MakeStruct("io.debezium.connector.common.TransactionMetadataValue").Version(1).
				Field("status", data.StringSchema).
				Field("id", data.StringSchema).
				Field("event_count", data.OptionalInt64Schema).
				Field("data_collections", data.Make(data.KindList).Elem(collectionSchema).Optional().Build()).
				Field("ts_ms", data.Int64Schema).
				Build()
)

// txCounter counts the records of the transaction under way, by table (TransactionContext). nil unless provide.transaction.metadata is
// set. The reader's goroutine.
type txCounter struct {
	id     string
	total  int64
	counts map[string]int64 // by db.table
	// What decides the order of the tables in END, which is that of Debezium's HashMap: tables that share a bucket stand as they came, and
	// a map that is cleared keeps the buckets it grew to.
	seen    []string
	buckets int
}

// txMark is a counter as an offset holds it: before the event of the offset. Immutable.
type txMark struct {
	id     string
	counts []tableCount // sorted by table
}

type tableCount struct {
	table string
	n     int64
}

// resume takes over what an offset says of the transaction it stands in.
func (x *txCounter) resume(m *txMark) {
	x.reset()
	if m == nil {
		return
	}
	x.id = m.id
	for _, c := range m.counts {
		x.set(c.table, c.n)
		x.total += c.n
	}
}

// set is the number of records of a table.
func (x *txCounter) set(table string, n int64) {
	if _, ok := x.counts[table]; !ok {
		x.seen = append(x.seen, table)
		x.buckets = javamap.Grow(max(x.buckets, 16), len(x.seen))
	}
	x.counts[table] = n
}

func (x *txCounter) reset() {
	x.id, x.total, x.counts, x.seen = "", 0, map[string]int64{}, x.seen[:0]
}

// count is the number of records of a table in the transaction.
func (x *txCounter) count(table string) int64 {
	if x == nil {
		return 0
	}
	return x.counts[table]
}

// countIn tells which table the rows of an event count for, and marks the event's offset with it; empty without transaction metadata.
func (r *reader) countIn(base *offset, m *tableMap) string {
	if r.cur.tx == nil || r.cur.tx.id == "" {
		return ""
	}
	base.txTable = m.info.id.String()
	return base.txTable
}

// mark is the counter as of now; nil outside of a transaction.
func (x *txCounter) mark() *txMark {
	if x == nil || x.id == "" {
		return nil
	}
	m := &txMark{id: x.id}
	for _, t := range slices.Sorted(maps.Keys(x.counts)) {
		m.counts = append(m.counts, tableCount{t, x.counts[t]})
	}
	return m
}

// event counts a record of a table and makes its transaction block.
func (x *txCounter) event(mem *row.Memory, table string) data.Value {
	x.total++
	n := x.counts[table] + 1
	x.set(table, n)
	s := mem.Slab.New(transactionSchema)
	s.Set(0, data.String(x.id))
	s.Set(1, data.Int64(x.total))
	s.Set(2, data.Int64(n))
	return data.Of(s)
}

// with is the mark with another count of a table.
func (m *txMark) with(table string, n int64) *txMark {
	x := &txCounter{}
	x.resume(m)
	if n > 0 {
		x.set(table, n)
	}
	return x.mark()
}

// appendJSON writes the keys of the offset; table, if it is not empty, has count in place of what the mark says.
func (m *txMark) appendJSON(dst []byte, table string, count int64) []byte {
	const prefix = "transaction_data_collection_order_"
	one := func(t string, n int64) {
		dst = append(dst, ',')
		dst = appendJSONString(dst, prefix+t)
		dst = append(dst, ':')
		dst = strconv.AppendInt(dst, n, 10)
	}
	seen := table == ""
	for _, c := range m.counts {
		if c.table == table {
			c.n, seen = count, true
		}
		one(c.table, c.n)
	}
	if !seen && count > 0 {
		one(table, count)
	}
	return dst
}

// parseMark reads the keys transaction_* of an offset; ok is false for other keys.
func (o *offset) parseMark(key, value string) (ok bool) {
	if key == "transaction_id" {
		o.mark().id = value
		return true
	}
	table, ok := strings.CutPrefix(key, "transaction_data_collection_order_")
	if !ok {
		return false
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return false
	}
	m := o.mark()
	m.counts = append(m.counts, tableCount{table, n})
	slices.SortFunc(m.counts, func(a, b tableCount) int { return strings.Compare(a.table, b.table) })
	return true
}

func (o *offset) mark() *txMark {
	if o.tx == nil {
		o.tx = &txMark{}
	}
	return o.tx
}

// transactionRecord makes a BEGIN or END record of the topic <topic.prefix>.<topic.transaction>.
func (w *writer) transactionRecord(x *txCounter, end bool, tsMillis int64, at connect.SourceOffset) connect.SourceRecord {
	k, v := data.NewStruct(transactionKey), data.NewStruct(transactionValue)
	id := data.String(x.id)
	k.Set(0, id)
	v.Set(0, data.String("BEGIN"))
	v.Set(1, id)
	v.Set(4, data.Int64(tsMillis))
	if end {
		v.Set(0, data.String("END"))
		v.Set(2, data.Int64(x.total))
		var tables []data.Value
		for _, t := range javamap.Order(slices.Clone(x.seen), max(x.buckets, 16)) {
			c := data.NewStruct(collectionSchema)
			c.Set(0, data.String(t))
			c.Set(1, data.Int64(x.counts[t]))
			tables = append(tables, data.Of(c))
		}
		v.Set(3, data.List(tables))
	}
	return connect.SourceRecord{
		Record: connect.Record{
			Topic: w.set.names.transactions(), Partition: connect.NoPartition, Offset: connect.NoOffset, Timestamp: connect.NoTimestamp,
			Key: data.Datum{Schema: transactionKey, Value: data.Of(k)}, Value: data.Datum{Schema: transactionValue, Value: data.Of(v)},
		},
		Position: connect.Position{Partition: w.partition, Offset: at},
	}
}

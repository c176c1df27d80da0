package cdc

import (
	"slices"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
	"github.com/connectd/connectd/internal/javamap"
)

// Schemas of schema change records (ConnectTableChangeSerializer, HistoryRecord).
var (
	columnSchema = data.MakeStruct("io.debezium.connector.schema.Column").Version(1).
			Field("name", data.StringSchema).
			Field("jdbcType", data.Int32Schema).
			Field("nativeType", data.OptionalInt32Schema).
			Field("typeName", data.StringSchema).
			Field("typeExpression", data.OptionalStringSchema).
			Field("charsetName", data.OptionalStringSchema).
			Field("length", data.OptionalInt32Schema).
			Field("scale", data.OptionalInt32Schema).
			Field("position", data.Int32Schema).
			Field("optional", data.OptionalBoolSchema).
			Field("autoIncremented", data.OptionalBoolSchema).
			Field("generated", data.OptionalBoolSchema).
			Field("comment", data.OptionalStringSchema).
			Field("defaultValueExpression", data.OptionalStringSchema).
			Field("enumValues", optionalTexts).
			Build()
	optionalTexts = data.Make(data.KindList).Elem(data.StringSchema).Optional().Build()
	tableSchema   = data.MakeStruct("io.debezium.connector.schema.Table").Version(1).
			Field("defaultCharsetName", data.OptionalStringSchema).
			Field("primaryKeyColumnNames", optionalTexts).
			Field("columns", data.ListOf(columnSchema)).
			Field("comment", data.OptionalStringSchema).
			Optional().Build()
	changeSchema = data.MakeStruct("io.debezium.connector.schema.Change").Version(1).
			Field("type", data.StringSchema).
			Field("id", data.StringSchema).
			Field("table", tableSchema).
			Build()
)

// schemaChange makes the record of one change in the topic <topic.prefix>.
func (w *writer) schemaChange(mem *row.Memory, o *origin, c *history.Change, at connect.SourceOffset) connect.SourceRecord {
	names := &w.set.names
	keySchema, valueSchema := w.set.flavor.schemaChangeKey, w.set.flavor.schemaChange
	key := data.NewStruct(keySchema)
	key.Set(0, data.String(c.DB))
	v := data.NewStruct(valueSchema)
	v.Set(0, data.Of(w.source(mem, o, data.String(c.DB), changedTable(c, o))))
	v.Set(1, data.Int64(w.now().UnixMilli()))
	v.Set(2, data.String(c.DB))
	v.Set(4, data.String(c.DDL))
	var changes []data.Value
	if c.InTableChanges() {
		x := data.NewStruct(changeSchema)
		x.Set(0, data.String(string(c.Type)))
		x.Set(1, data.String(c.ID.Quoted()))
		if c.Table != nil {
			x.Set(2, data.Of(w.tableStruct(c.Table)))
		}
		changes = []data.Value{data.Of(x)}
	}
	v.Set(5, data.List(changes))
	return connect.SourceRecord{
		Record: connect.Record{
			Topic: names.schemaChanges(), Partition: 0, Offset: connect.NoOffset, Timestamp: connect.NoTimestamp,
			Key: data.Datum{Schema: keySchema, Value: data.Of(key)}, Value: data.Datum{Schema: valueSchema, Value: data.Of(v)},
			Headers: w.context,
		},
		Position: connect.Position{Partition: w.partition, Offset: at},
	}
}

// changedTables are, for each change, the names of the tables that it and its neighbours in the statement touch in the same database:
// Debezium's records name all of them, in the order of a HashSet of "database.table" (DdlChanges.getEventsByDatabase).
func changedTables(changes []history.Change) []string {
	out := make([]string, len(changes))
	for from := 0; from < len(changes); {
		to := from
		var ids []string
		for ; to < len(changes) && changes[to].DB == changes[from].DB; to++ {
			if id := changes[to].ID; !id.IsZero() && !slices.Contains(ids, id.String()) {
				ids = append(ids, id.String())
			}
		}
		ids = javamap.Order(ids, javamap.Default(len(ids)))
		for i, id := range ids {
			ids[i] = strings.TrimPrefix(id, changes[from].DB+".")
		}
		for ; from < to; from++ {
			out[from] = strings.Join(ids, ",")
		}
	}
	return out
}

// changedTable is source.table: the table's name, null for databases and variables; a streamed statement about an index, or one that
// changes no table, has the empty text, since Debezium's event names no table.
func changedTable(c *history.Change, o *origin) data.Value {
	switch {
	case c.Type == history.CreateIndex || c.Type == history.DropIndex:
		if o.snapshot.Equal(snapshotFalse) && c.Table == nil {
			return data.String("")
		}
		return data.String(c.ID.Name)
	case c.ID.IsZero() && c.Type != history.CreateDatabase && c.Type != history.DropDatabase && o.snapshot.Equal(snapshotFalse):
		return data.String("")
	case c.ID.IsZero():
		return data.Null()
	case o.tables != "":
		return data.String(o.tables)
	default:
		return data.String(c.ID.Name)
	}
}

func (w *writer) tableStruct(t *history.Table) *data.Struct {
	s := data.NewStruct(tableSchema)
	s.Set(0, optionalText(t.Charset))
	keys := make([]data.Value, len(t.PrimaryKey))
	for i, k := range t.PrimaryKey {
		keys[i] = data.String(k)
	}
	s.Set(1, data.List(keys))
	cols := make([]data.Value, len(t.Columns))
	for i := range t.Columns {
		cols[i] = data.Of(w.columnStruct(&t.Columns[i]))
	}
	s.Set(2, data.List(cols))
	if w.set.row.Comments {
		s.Set(3, optionalText(t.Comment))
	}
	return s
}

func (w *writer) columnStruct(c *history.Column) *data.Struct {
	s := data.NewStruct(columnSchema)
	s.Set(0, data.String(c.Name))
	s.Set(1, data.Int32(int32(c.JDBCType)))
	if c.NativeType != nil {
		s.Set(2, data.Int32(int32(*c.NativeType)))
	}
	s.Set(3, data.String(c.TypeName))
	s.Set(4, optionalText(c.TypeExpression))
	s.Set(5, optionalText(c.Charset))
	s.Set(6, optionalInt(c.Length))
	s.Set(7, optionalInt(c.Scale))
	s.Set(8, data.Int32(int32(c.Position)))
	s.Set(9, data.Bool(c.Optional))
	s.Set(10, data.Bool(c.AutoIncremented))
	s.Set(11, data.Bool(c.Generated))
	if w.set.row.Comments {
		s.Set(12, optionalText(c.Comment))
	}
	if c.HasDefault && c.Default != nil {
		s.Set(13, data.String(*c.Default))
	}
	if len(c.EnumValues) > 0 {
		vs := make([]data.Value, len(c.EnumValues))
		for i, v := range c.EnumValues {
			vs[i] = data.String(v)
		}
		s.Set(14, data.List(vs))
	}
	return s
}

func optionalText(s string) data.Value {
	if s == "" {
		return data.Null()
	}
	return data.String(s)
}

func optionalInt(n int) data.Value {
	if n == history.NoLength {
		return data.Null()
	}
	return data.Int32(int32(n))
}

// Schemas of heartbeats.
var (
	heartbeatKey = data.MakeStruct("io.debezium.connector.common.ServerNameKey").Version(1).
			Field("serverName", data.StringSchema).Build()
	heartbeatValue = data.MakeStruct("io.debezium.connector.common.Heartbeat").Version(1).
			Field("ts_ms", data.Int64Schema).Build()
)

// heartbeat makes a record whose only use is its offset.
func (w *writer) heartbeat(at connect.SourceOffset) connect.SourceRecord {
	k, v := data.NewStruct(heartbeatKey), data.NewStruct(heartbeatValue)
	k.Set(0, w.name)
	v.Set(0, data.Int64(w.now().UnixMilli()))
	return connect.SourceRecord{
		Record: connect.Record{
			Topic: w.set.names.heartbeat(), Partition: 0, Offset: connect.NoOffset, Timestamp: connect.NoTimestamp,
			Key: data.Datum{Schema: heartbeatKey, Value: data.Of(k)}, Value: data.Datum{Schema: heartbeatValue, Value: data.Of(v)},
		},
		Position: connect.Position{Partition: w.partition, Offset: at},
	}
}

package history

import (
	"strconv"
	"unicode/utf8"
)

// Position is a source offset as history documents hold it. Zero fields are absent. The tags are those of the mirror's header.
type Position struct {
	TsSec    int64  `json:"ts_sec,omitempty"` // seconds since the epoch
	File     string `json:"file,omitempty"`   // binlog file
	Pos      uint64 `json:"pos,omitempty"`
	GTIDs    string `json:"gtids,omitempty"`
	Snapshot string `json:"snapshot,omitempty"` // INITIAL, … while a snapshot runs; "true" as older versions wrote it
	ServerID uint32 `json:"server_id,omitempty"`
	Event    uint64 `json:"event,omitempty"` // events to skip in the transaction
	Row      uint64 `json:"row,omitempty"`   // rows to skip in the event
	// Transaction is the id of the transaction that the statement stands in, as CREATE TABLE … SELECT does (provide.transaction.metadata).
	Transaction string `json:"transaction_id,omitempty"`
}

// Document is one record of the schema history topic (io.debezium.relational.history.HistoryRecord).
type Document struct {
	Server   string // source.server: the topic prefix
	Position Position
	TsMs     int64 // milliseconds since the epoch
	DB       string
	Schema   string // schemaName; never set for MySQL
	DDL      string
	Changes  []Change // Create, Alter, Drop only; Table is set for the first two
}

// AppendDocument appends the document's JSON, pretty-printed as Debezium does.
func AppendDocument(dst []byte, d *Document) []byte {
	w := writer{b: dst}
	w.open('{')
	w.field("source").open('{')
	w.field("server").text(d.Server)
	w.close('}')
	w.field("position").position(&d.Position)
	w.field("ts_ms").num(d.TsMs)
	w.field("databaseName").text(d.DB)
	if d.Schema != "" {
		w.field("schemaName").text(d.Schema)
	}
	w.field("ddl").text(d.DDL)
	w.field("tableChanges").open('[')
	for i := range d.Changes {
		if d.Changes[i].InTableChanges() {
			w.element().change(&d.Changes[i])
		}
	}
	w.close(']')
	w.close('}')
	return w.b
}

// writer prints JSON as Jackson's default pretty printer does: objects indented, arrays on one line.
type writer struct {
	b       []byte
	depth   int  // of objects
	first   bool // nothing written since the last open
	compact bool // no white space
}

func (w *writer) open(c byte) *writer {
	w.b = append(w.b, c)
	if c == '{' {
		w.depth++
	}
	w.first = true
	return w
}

func (w *writer) close(c byte) {
	if c == '}' {
		w.depth--
		if !w.first {
			w.newline()
		} else {
			w.space()
		}
	} else {
		w.space()
	}
	w.b = append(w.b, c)
	w.first = false
}

func (w *writer) space() {
	if !w.compact {
		w.b = append(w.b, ' ')
	}
}

func (w *writer) newline() {
	if w.compact {
		return
	}
	w.b = append(w.b, '\n')
	for range w.depth {
		w.b = append(w.b, "  "...)
	}
}

func (w *writer) field(name string) *writer {
	if !w.first {
		w.b = append(w.b, ',')
	}
	w.newline()
	w.text(name)
	w.space()
	w.b = append(w.b, ':')
	w.space()
	return w
}

func (w *writer) element() *writer {
	if !w.first {
		w.b = append(w.b, ',')
	}
	w.space()
	w.first = false
	return w
}

func (w *writer) num(v int64) { w.b = strconv.AppendInt(w.b, v, 10); w.first = false }

func (w *writer) flag(v bool) { w.b = strconv.AppendBool(w.b, v); w.first = false }

func (w *writer) text(s string) {
	w.b = appendString(w.b, s)
	w.first = false
}

// nullable writes null for the empty string.
func (w *writer) nullable(s string) {
	if s == "" {
		w.b = append(w.b, "null"...)
		w.first = false
		return
	}
	w.text(s)
}

func (w *writer) texts(ss []string) {
	w.open('[')
	for _, s := range ss {
		w.element().text(s)
	}
	w.close(']')
}

// position writes the fields in the order of the Java hash map that Debezium fills.
func (w *writer) position(p *Position) {
	w.open('{')
	if p.Transaction != "" {
		w.field("transaction_id").text(p.Transaction)
	}
	if p.TsSec != 0 {
		w.field("ts_sec").num(p.TsSec)
	}
	w.field("file").text(p.File)
	w.field("pos").num(int64(p.Pos))
	if p.GTIDs != "" {
		w.field("gtids").text(p.GTIDs)
	}
	if p.Row != 0 {
		w.field("row").num(int64(p.Row))
	}
	if p.ServerID != 0 {
		w.field("server_id").num(int64(p.ServerID))
	}
	if p.Event != 0 {
		w.field("event").num(int64(p.Event))
	}
	switch p.Snapshot {
	case "":
	case "true":
		w.field("snapshot").flag(true)
	default:
		w.field("snapshot").text(p.Snapshot)
	}
	w.close('}')
}

func (w *writer) change(ch *Change) {
	w.open('{')
	w.field("type").text(string(ch.Type))
	w.field("id").text(ch.ID.Quoted())
	if !ch.PreviousID.IsZero() {
		w.field("previousId").text(ch.PreviousID.Quoted())
	}
	if ch.Table != nil && ch.Type != Drop {
		w.field("table").table(ch.Table)
		w.field("comment").nullable(ch.Table.Comment)
	}
	w.close('}')
}

func (w *writer) table(t *Table) {
	w.open('{')
	w.field("defaultCharsetName").nullable(t.Charset)
	w.field("primaryKeyColumnNames").texts(t.PrimaryKey)
	w.field("columns").open('[')
	for i := range t.Columns {
		w.element().column(&t.Columns[i])
	}
	w.close(']')
	w.field("attributes").open('[')
	w.close(']')
	w.close('}')
}

func (w *writer) column(c *Column) {
	w.open('{')
	w.field("name").text(c.Name)
	w.field("jdbcType").num(int64(c.JDBCType))
	if c.NativeType != nil {
		w.field("nativeType").num(int64(*c.NativeType))
	}
	w.field("typeName").text(c.TypeName)
	w.field("typeExpression").text(c.TypeExpression)
	w.field("charsetName").nullable(c.Charset)
	if c.Length != NoLength {
		w.field("length").num(int64(c.Length))
	}
	if c.Scale != NoLength {
		w.field("scale").num(int64(c.Scale))
	}
	w.field("position").num(int64(c.Position))
	w.field("optional").flag(c.Optional)
	w.field("autoIncremented").flag(c.AutoIncremented)
	w.field("generated").flag(c.Generated)
	w.field("comment").nullable(c.Comment)
	w.field("hasDefaultValue").flag(c.HasDefault)
	if c.Default != nil {
		w.field("defaultValueExpression").text(*c.Default)
	}
	w.field("enumValues").texts(c.EnumValues)
	w.close('}')
}

// appendString quotes s as Jackson does: only quotes, backslashes and control characters are escaped.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
			continue
		}
		i++
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c == '\b':
			dst = append(dst, `\b`...)
		case c == '\f':
			dst = append(dst, `\f`...)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

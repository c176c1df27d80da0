package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

type jsonDocument struct {
	Source       map[string]any             `json:"source"`
	Position     map[string]json.RawMessage `json:"position"`
	TsMs         int64                      `json:"ts_ms"`
	DatabaseName string                     `json:"databaseName"`
	SchemaName   string                     `json:"schemaName"`
	DDL          string                     `json:"ddl"`
	TableChanges []jsonChange               `json:"tableChanges"`
}

type jsonChange struct {
	Type       string     `json:"type"`
	ID         string     `json:"id"`
	PreviousID string     `json:"previousId"`
	Table      *jsonTable `json:"table"`
	Comment    string     `json:"comment"`
}

type jsonTable struct {
	Charset    string       `json:"defaultCharsetName"`
	PrimaryKey []string     `json:"primaryKeyColumnNames"`
	Columns    []jsonColumn `json:"columns"`
	Comment    string       `json:"comment"`
}

type jsonColumn struct {
	Name            string   `json:"name"`
	JDBCType        int      `json:"jdbcType"`
	NativeType      *int     `json:"nativeType"`
	TypeName        string   `json:"typeName"`
	TypeExpression  string   `json:"typeExpression"`
	Charset         string   `json:"charsetName"`
	Length          *int     `json:"length"`
	Scale           *int     `json:"scale"`
	Position        int      `json:"position"`
	Optional        bool     `json:"optional"`
	AutoIncremented bool     `json:"autoIncremented"`
	Generated       bool     `json:"generated"`
	Comment         string   `json:"comment"`
	HasDefault      bool     `json:"hasDefaultValue"`
	Default         *string  `json:"defaultValueExpression"`
	EnumValues      []string `json:"enumValues"`
}

// ParseDocument reads a document, pretty-printed or compact; unknown members are ignored.
func ParseDocument(b []byte) (*Document, error) {
	var j jsonDocument
	if err := json.Unmarshal(bytes.TrimSpace(b), &j); err != nil {
		return nil, fmt.Errorf("reading schema history document: %w", err)
	}
	if j.Source == nil || j.Position == nil {
		return nil, fmt.Errorf("reading schema history document: source or position is missing")
	}
	d := &Document{TsMs: j.TsMs, DB: j.DatabaseName, Schema: j.SchemaName, DDL: j.DDL}
	d.Server, _ = j.Source["server"].(string)
	if err := d.Position.parse(j.Position); err != nil {
		return nil, fmt.Errorf("reading schema history document: %w", err)
	}
	for i := range j.TableChanges {
		ch, err := j.TableChanges[i].change(d.DB)
		if err != nil {
			return nil, fmt.Errorf("reading schema history document: table change %d: %w", i, err)
		}
		d.Changes = append(d.Changes, ch)
	}
	return d, nil
}

func (p *Position) parse(m map[string]json.RawMessage) error {
	number := func(name string) (n uint64, err error) {
		raw := m[name]
		if len(raw) == 0 || string(raw) == "null" {
			return 0, nil
		}
		if n, err = strconv.ParseUint(string(bytes.Trim(raw, `"`)), 10, 64); err != nil {
			return 0, fmt.Errorf("position: %s is no number: %s", name, clip(string(raw)))
		}
		return n, nil
	}
	text := func(name string) string {
		var s string
		if json.Unmarshal(m[name], &s) != nil {
			return string(bytes.Trim(m[name], `"`))
		}
		return s
	}
	ts, err1 := number("ts_sec")
	pos, err2 := number("pos")
	server, err3 := number("server_id")
	event, err4 := number("event")
	row, err5 := number("row")
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			return err
		}
	}
	*p = Position{TsSec: int64(ts), File: text("file"), Pos: pos, GTIDs: text("gtids"), Snapshot: text("snapshot"),
		ServerID: uint32(server), Event: event, Row: row, Transaction: text("transaction_id")}
	if p.Snapshot == "false" || p.Snapshot == "null" {
		p.Snapshot = ""
	}
	return nil
}

func (j *jsonChange) change(db string) (Change, error) {
	id, ok := parseTableID(j.ID)
	if !ok {
		return Change{}, fmt.Errorf("bad table id %q", clip(j.ID))
	}
	ch := Change{Type: ChangeType(j.Type), DB: db, ID: id}
	if j.PreviousID != "" {
		if ch.PreviousID, ok = parseTableID(j.PreviousID); !ok {
			return Change{}, fmt.Errorf("bad previous table id %q", clip(j.PreviousID))
		}
	}
	switch ch.Type {
	case Drop:
	case Create, Alter:
		if j.Table == nil {
			return Change{}, fmt.Errorf("table %s has no definition", id)
		}
		ch.Table = j.Table.table(id)
		if ch.Table.Comment == "" {
			ch.Table.Comment = j.Comment
		}
	default:
		return Change{}, fmt.Errorf("unknown type %q of table %s", clip(j.Type), id)
	}
	return ch, nil
}

func (j *jsonTable) table(id TableID) *Table {
	t := &Table{ID: id, Charset: j.Charset, PrimaryKey: j.PrimaryKey, Comment: j.Comment, Columns: make([]Column, len(j.Columns))}
	for i, c := range j.Columns {
		col := Column{Name: c.Name, Position: c.Position, JDBCType: c.JDBCType, NativeType: c.NativeType, TypeName: c.TypeName,
			TypeExpression: c.TypeExpression, Charset: c.Charset, Length: NoLength, Scale: NoLength, Optional: c.Optional,
			AutoIncremented: c.AutoIncremented, Generated: c.Generated, Comment: c.Comment, HasDefault: c.HasDefault || c.Default != nil,
			Default: c.Default, EnumValues: c.EnumValues}
		if c.Length != nil {
			col.Length = *c.Length
		}
		if c.Scale != nil {
			col.Scale = *c.Scale
		}
		t.Columns[i] = col
	}
	return t
}

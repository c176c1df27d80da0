package cdc

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// reselectClass is the one post-processor there is (post.processors, <name>.type).
const reselectClass = "io.debezium.processors.reselect.ReselectColumnsPostProcessor"

// reselector asks the server for the present values of columns that a row image lacks, or that are null.
type reselector struct {
	include, exclude  patterns // of db.table:column
	unavailable, null bool
	eventKey          bool // the row is found by the record's key, not by the primary key
	fails             bool // reselect.error.handling.mode
}

// reselectorsOf reads post.processors. The error begins with the key.
func reselectorsOf(v config.Values) ([]reselector, error) {
	var out []reselector
	for name := range strings.SplitSeq(keyPostProcessors.Get(v), ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		p := v.WithPrefix(name + ".")
		if class := strings.TrimSpace(p["type"]); class != reselectClass {
			return nil, fmt.Errorf("%s.type: %q is no post-processor that can be used here (Java classes cannot be loaded): %s can", name, class, reselectClass)
		}
		s := reselector{unavailable: flag(p, "reselect.unavailable.values", true), null: flag(p, "reselect.null.values", true),
			eventKey: flag(p, "reselect.use.event.key", false)}
		switch mode := strings.ToLower(strings.TrimSpace(p["reselect.error.handling.mode"])); mode {
		case "", "warn":
		case "fail":
			s.fails = true
		default:
			return nil, fmt.Errorf("%s.reselect.error.handling.mode: %q is none of warn, fail", name, mode)
		}
		var err error
		if s.include, err = selector(name, "reselect.columns.include.list", p); err != nil {
			return nil, err
		}
		if s.exclude, err = selector(name, "reselect.columns.exclude.list", p); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// takes tells whether a column may be looked up. The include list wins, as in Debezium.
func (s *reselector) takes(name string) bool {
	if len(s.include) > 0 {
		return s.include.match(name)
	}
	return !s.exclude.match(name)
}

// wanted are the fields of a row that are to be looked up. Beside the placeholder, unavailable are columns that an image lacks.
func (s *reselector) wanted(info *tableInfo, after row.Row, placeholder string) (out []int) {
	for i, f := range after.Value.Schema().Fields() {
		v := after.Value.AtOrDefault(i)
		lacks := s.null && v.IsNull()
		if s.unavailable && !lacks {
			lacks = info.codec.Absent(after, i) || v.Kind() == data.KindString && v.String() == placeholder || v.Kind() == data.KindBytes && string(v.Bytes()) == placeholder
		}
		if lacks && s.takes(info.id.String()+":"+f.Name) {
			out = append(out, i)
		}
	}
	return out
}

// selected are values that were looked up for a row.
type selected struct {
	fields []int
	row    row.Row
}

func (s *selected) apply(codec *row.Codec, after *row.Row) {
	for _, i := range s.fields {
		codec.Take(after, i, s.row)
	}
}

// reselect looks up what the rows of an event lack, by their number in the event, before the queue is locked. Rows before skip are not
// sent. What is found has memory of its own, which lives as long as the records.
func (r *reader) reselect(ctx context.Context, m *tableMap, op data.Value, e rowsEvent, skip uint64) (map[uint64][]selected, error) {
	if len(r.set.reselect) == 0 || op.Equal(opDelete) || m.signal {
		return nil, nil
	}
	var out map[uint64][]selected
	found := &row.Memory{}
	for n := uint64(0); len(e.images) > 0; n++ {
		var scratch row.Memory
		size := len(e.images)
		_, after, err := e.next(m, op, &scratch)
		if err != nil || len(e.images) == size {
			return out, nil //nolint:nilerr // emitRows meets it, too, and says it
		}
		if n < skip {
			continue
		}
		for i := range r.set.reselect {
			s := &r.set.reselect[i]
			fields := s.wanted(m.info, after, r.set.row.Unavailable)
			if len(fields) == 0 {
				continue
			}
			now, err := r.present(ctx, m.info, s, after, found, &scratch)
			if err != nil {
				return nil, err
			}
			if now.Value == nil {
				continue
			}
			if out == nil {
				out = map[uint64][]selected{}
			}
			out[n] = append(out[n], selected{fields, now})
		}
	}
	return out, nil
}

// present is the row as it is on the server now; the zero Row if it cannot be had and that is no error.
func (r *reader) present(ctx context.Context, info *tableInfo, s *reselector, after row.Row, found, scratch *row.Memory) (now row.Row, err error) {
	where, err := info.condition(s, after, scratch, r.set.row.Binary)
	if where == "" && err == nil {
		return row.Row{}, nil // there is no key: Debezium looks nothing up
	}
	if err == nil {
		now, err = r.selectRow(ctx, info, where, found)
	}
	switch {
	case err == nil:
		return now, nil
	case ctx.Err() != nil || server.Unreachable(err): // it will answer later
		return row.Row{}, err
	case s.fails:
		return row.Row{}, fmt.Errorf("looking up columns of table %s (post.processors): %w", info.id, err)
	}
	r.log.Warn("columns of a row could not be looked up", "table", info.id, "error", err, "file", r.cur.file, "position", r.cur.start)
	return row.Row{}, nil
}

var errRowGone = errors.New("the row is not there any more")

func (r *reader) selectRow(ctx context.Context, info *tableInfo, where string, mem *row.Memory) (now row.Row, err error) {
	if r.selectConn == nil {
		if r.selectConn, err = r.dial(ctx); err != nil {
			return now, err
		}
	}
	query := "SELECT " + info.codec.SelectList() + " FROM " + info.id.Backticked() + " WHERE " + where + " LIMIT 1"
	err = r.selectConn.Stream(ctx, query, func(fields []mysql.FieldValue) error {
		now, err = info.codec.DecodeText(fields, mem)
		return err
	})
	switch {
	case err != nil:
		if server.Code(err) == 0 {
			r.closeSelect()
		}
		return row.Row{}, err
	case now.Value == nil:
		return now, errRowGone
	}
	return now, nil
}

func (r *reader) closeSelect() {
	if r.selectConn != nil {
		r.selectConn.Close()
		r.selectConn = nil
	}
}

// condition finds the row again: column = value for each column of the key. Empty if there is no key.
func (info *tableInfo) condition(s *reselector, after row.Row, mem *row.Memory, mode row.BinaryMode) (string, error) {
	t := info.codec.Table()
	names, values := t.PrimaryKey, []data.Value(nil)
	if s.eventKey || info.keyColumns == nil {
		if info.keyColumns != nil {
			names = info.keyColumns
		}
		if k := info.codec.Key(after, mem); k != nil {
			for i := range names {
				values = append(values, k.At(i))
			}
		}
	} else {
		for _, name := range names {
			i := after.Value.Schema().Index(name)
			if i < 0 {
				return "", fmt.Errorf("column %s of the primary key is not among the record's", name)
			}
			values = append(values, after.Value.At(i))
		}
	}
	var b strings.Builder
	for i, v := range values {
		c := slices.IndexFunc(t.Columns, func(c history.Column) bool { return strings.EqualFold(c.Name, names[i]) })
		text, err := literal(&t.Columns[c], v, mode)
		if err != nil {
			return "", fmt.Errorf("column %s of the key: %w", names[i], err)
		}
		if i > 0 {
			b.WriteString(" AND ")
		}
		b.WriteString(server.Backtick(t.Columns[c].Name) + " = " + text)
	}
	return b.String(), nil
}

// literal writes a value of a record into a statement.
func literal(c *history.Column, v data.Value, mode row.BinaryMode) (string, error) {
	kind, ok := keyKindOf(c.TypeName)
	if v.IsNull() {
		return "", errors.New("it is null")
	}
	temporal := slices.Contains([]string{"DATE", "DATETIME", "TIMESTAMP", "TIME", "YEAR"}, strings.ToUpper(c.TypeName))
	switch {
	case !ok || temporal && v.Kind() != data.KindString && !strings.EqualFold(c.TypeName, "YEAR"):
		return "", fmt.Errorf("rows cannot be found by type %s", c.TypeName)
	case kind == keyBinary:
		raw, err := binaryOf(v, mode)
		return "x'" + hex.EncodeToString(raw) + "'", err
	case v.Kind() == data.KindString:
		return server.Quote(v.String()), nil
	}
	switch v.Kind() {
	case data.KindInt8, data.KindInt16, data.KindInt32, data.KindInt64:
		if strings.HasPrefix(strings.ToUpper(c.TypeName), "BIGINT UNSIGNED") {
			return strconv.FormatUint(uint64(v.Int64()), 10), nil
		}
		return strconv.FormatInt(v.Int64(), 10), nil
	case data.KindDecimal:
		return v.String(), nil
	case data.KindBool:
		if v.Bool() {
			return "1", nil
		}
		return "0", nil
	}
	return "", fmt.Errorf("rows cannot be found by type %s", c.TypeName)
}

func binaryOf(v data.Value, mode row.BinaryMode) ([]byte, error) {
	switch mode {
	case row.BinaryBase64:
		return base64.StdEncoding.DecodeString(v.String())
	case row.BinaryBase64URL:
		return base64.URLEncoding.DecodeString(v.String())
	case row.BinaryHex:
		return hex.DecodeString(v.String())
	}
	return v.Bytes(), nil
}

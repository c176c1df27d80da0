//go:build bench

package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// envelope writes Debezium's envelope without schemas for one table: the parts that do not change are made once. Text is taken to need no
// escapes.
type envelope struct {
	names               []string // of columns: `"id":`
	source, table, tail string
}

func newEnvelope(prefix, db, table string, columns []string) *envelope {
	e := &envelope{
		source: `,"source":{"version":"3.6.1.Final","connector":"mysql","name":"` + prefix + `","ts_ms":`,
		table:  `","db":"` + db + `","sequence":null,"table":"` + table + `","server_id":223344,"gtid":null,"file":"`,
		tail:   `,"row":0,"thread":null,"query":null},"transaction":null,"op":"`,
	}
	for i, c := range columns {
		sep := ","
		if i == 0 {
			sep = "{"
		}
		e.names = append(e.names, sep+`"`+c+`":`)
	}
	return e
}

type appendColumn func(b []byte, column int) []byte

func (e *envelope) row(b []byte, column appendColumn) []byte {
	if column == nil {
		return append(b, "null"...)
	}
	for i, name := range e.names {
		b = append(b, name...)
		b = column(b, i)
	}
	return append(b, '}')
}

func (e *envelope) append(b []byte, op byte, file string, pos uint32, snapshot string, before, after appendColumn) []byte {
	now := time.Now()
	b = append(b, `{"before":`...)
	b = e.row(b, before)
	b = append(b, `,"after":`...)
	b = e.row(b, after)
	b = append(b, e.source...)
	b = times(b, now)
	b = append(b, `,"snapshot":"`...)
	b = append(b, snapshot...)
	b = append(b, e.table...)
	b = append(b, file...)
	b = append(b, `","pos":`...)
	b = strconv.AppendUint(b, uint64(pos), 10)
	b = append(b, e.tail...)
	b = append(b, op, '"')
	b = append(b, `,"ts_ms":`...)
	b = times(b, now)
	return append(b, '}')
}

// times appends a moment as ts_ms, ts_us and ts_ns; the name of the first is there already.
func times(b []byte, t time.Time) []byte {
	ns := t.UnixNano()
	b = strconv.AppendInt(b, ns/1e6, 10)
	b = append(b, `,"ts_us":`...)
	b = strconv.AppendInt(b, ns/1e3, 10)
	b = append(b, `,"ts_ns":`...)
	return strconv.AppendInt(b, ns, 10)
}

func appendText(b, text []byte) []byte {
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}

func (e *envelope) key(b []byte, column appendColumn) []byte {
	b = append(b, e.names[0]...)
	b = column(b, 0)
	return append(b, '}')
}

const mysqlUser, mysqlPassword = "connectd", "connectd" // of test/bed

// scan reads the whole table and calls each with every row.
func scan(s *bareSpec, each func(row []mysql.FieldValue) error) error {
	conn, err := client.Connect(s.MySQL, mysqlUser, mysqlPassword, s.DB)
	if err != nil {
		return err
	}
	defer conn.Close()
	var result mysql.Result
	return conn.ExecuteSelectStreaming("SELECT "+strings.Join(s.Columns, ",")+" FROM "+s.Table, &result, each, nil)
}

func bareTable(ctx context.Context, s *bareSpec) (bareDone, error) {
	p, err := newSender(ctx, s)
	if err != nil {
		return bareDone{}, err
	}
	e := newEnvelope("bare", s.DB, s.Table, s.Columns)
	var row []mysql.FieldValue
	column := func(b []byte, i int) []byte {
		switch f := &row[i]; f.Type {
		case mysql.FieldValueTypeString:
			return appendText(b, f.AsString())
		case mysql.FieldValueTypeSigned:
			return strconv.AppendInt(b, f.AsInt64(), 10)
		case mysql.FieldValueTypeUnsigned:
			return strconv.AppendUint(b, f.AsUint64(), 10)
		default:
			return append(b, "null"...)
		}
	}
	err = scan(s, func(r []mysql.FieldValue) error {
		row = r
		key := p.cut(e.key(p.room(), column))
		p.send(key, p.cut(e.append(p.room(), 'r', "mysql-bin.000001", 157, "true", nil, column)))
		return nil
	})
	done, sent := p.end()
	return done, errors.Join(err, sent)
}

func bareTableRead(_ context.Context, s *bareSpec) (done bareDone, err error) {
	err = scan(s, func(row []mysql.FieldValue) error {
		done.Records++
		for i := range row {
			done.Bytes += int64(len(row[i].AsString()))
		}
		return nil
	})
	return done, err
}

// events reads the binlog from File and Pos on until each says that it has enough.
func events(ctx context.Context, s *bareSpec, raw bool, each func(*replication.BinlogEvent) (enough bool)) error {
	host, port, err := net.SplitHostPort(s.MySQL)
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return err
	}
	syncer := replication.NewBinlogSyncer(replication.BinlogSyncerConfig{
		ServerID: 190001, Flavor: "mysql", Host: host, Port: uint16(n), User: mysqlUser, Password: mysqlPassword, RawModeEnabled: raw,
		Logger: slog.New(slog.DiscardHandler),
	})
	defer syncer.Close()
	stream, err := syncer.StartSync(mysql.Position{Name: s.File, Pos: s.Pos})
	if err != nil {
		return err
	}
	for {
		ev, err := stream.GetEvent(ctx)
		if err != nil {
			return err
		}
		if each(ev) {
			return nil
		}
	}
}

// bareBinlog makes the records of all changes of the table up to End.
func bareBinlog(ctx context.Context, s *bareSpec) (bareDone, error) {
	p, err := newSender(ctx, s)
	if err != nil {
		return bareDone{}, err
	}
	e := newEnvelope("bare", s.DB, s.Table, s.Columns)
	of := func(row []any) appendColumn {
		return func(b []byte, i int) []byte {
			switch v := row[i].(type) {
			case int32:
				return strconv.AppendInt(b, int64(v), 10)
			case int64:
				return strconv.AppendInt(b, v, 10)
			case string:
				b = append(b, '"')
				b = append(b, v...)
				return append(b, '"')
			case []byte:
				return appendText(b, v)
			default:
				return append(b, "null"...)
			}
		}
	}
	send := func(pos uint32, op byte, before, after, key appendColumn) {
		k := p.cut(e.key(p.room(), key))
		p.send(k, p.cut(e.append(p.room(), op, s.File, pos, "false", before, after)))
		if op == 'd' {
			p.send(k, nil)
		}
	}
	err = events(ctx, s, false, func(ev *replication.BinlogEvent) bool {
		if rows, ok := ev.Event.(*replication.RowsEvent); ok && string(rows.Table.Table) == s.Table && string(rows.Table.Schema) == s.DB {
			pos := ev.Header.LogPos
			switch rows.Type() {
			case replication.EnumRowsEventTypeInsert:
				for _, r := range rows.Rows {
					send(pos, 'c', nil, of(r), of(r))
				}
			case replication.EnumRowsEventTypeUpdate:
				for i := 0; i+1 < len(rows.Rows); i += 2 {
					send(pos, 'u', of(rows.Rows[i]), of(rows.Rows[i+1]), of(rows.Rows[i+1]))
				}
			case replication.EnumRowsEventTypeDelete:
				for _, r := range rows.Rows {
					send(pos, 'd', of(r), nil, of(r))
				}
			}
		}
		return ev.Header.LogPos >= s.End && ev.Header.EventType != replication.ROTATE_EVENT
	})
	done, sent := p.end()
	return done, errors.Join(err, sent)
}

// bareBinlogRead reads the same part of the binlog and looks at nothing but the headers. It counts Rows as records: what it has passed.
func bareBinlogRead(ctx context.Context, s *bareSpec) (done bareDone, err error) {
	err = events(ctx, s, true, func(ev *replication.BinlogEvent) bool {
		done.Bytes += int64(len(ev.RawData))
		return ev.Header.LogPos >= s.End && ev.Header.EventType != replication.ROTATE_EVENT
	})
	if done.Bytes == 0 && err == nil {
		err = fmt.Errorf("nothing between %s:%d and %d", s.File, s.Pos, s.End)
	}
	done.Records = s.Rows
	return done, err
}

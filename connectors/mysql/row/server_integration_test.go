//go:build integration

package row

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/connectd/connectd/connectors/mysql/history"
)

var update = flag.Bool("update", false, "write testdata/rows.jsonl from the server's answers")

// server is a MySQL server named by BED_MYSQL (host:port) with the user root/rootpw.
type server struct {
	t    *testing.T
	addr string
	conn *client.Conn
	p    *history.Parser
}

func connect(t *testing.T) *server {
	t.Helper()
	addr := os.Getenv("BED_MYSQL")
	if addr == "" {
		t.Fatal("BED_MYSQL=host:port is needed")
	}
	conn, err := client.Connect(addr, "root", "rootpw", "", func(c *client.Conn) error {
		return c.SetCapability(mysql.CLIENT_MULTI_STATEMENTS)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &server{t: t, addr: addr, conn: conn, p: history.NewParser()}
	s.exec("SET NAMES utf8mb4; SET time_zone='+00:00'; SET sql_mode='ALLOW_INVALID_DATES'")
	return s
}

func (s *server) exec(sql string) {
	s.t.Helper()
	var failed error
	if _, err := s.conn.ExecuteMultiple(sql, func(_ *mysql.Result, err error) {
		if err != nil && failed == nil {
			failed = err
		}
	}); err != nil {
		s.t.Fatalf("%.300s: %v", sql, err)
	}
	if failed != nil {
		s.t.Fatalf("%.300s: %v", sql, failed)
	}
}

// drops drops a database, now and when the test is done.
func (s *server) drops(db string) {
	s.t.Helper()
	s.exec("DROP DATABASE IF EXISTS " + db)
	s.t.Cleanup(func() { s.exec("DROP DATABASE IF EXISTS " + db) })
}

func (s *server) position() mysql.Position {
	s.t.Helper()
	r, err := s.conn.Execute("SHOW BINARY LOG STATUS")
	if err != nil {
		s.t.Fatal(err)
	}
	file, _ := r.GetString(0, 0)
	pos, _ := r.GetUint(0, 1)
	return mysql.Position{Name: file, Pos: uint32(pos)}
}

func (s *server) table(db, name string) (*history.Table, string) {
	s.t.Helper()
	id := history.TableID{DB: db, Name: name}
	r, err := s.conn.Execute("SHOW CREATE TABLE " + id.Backticked())
	if err != nil {
		s.t.Fatal(err)
	}
	ddl, _ := r.GetString(0, 1)
	table, err := s.p.FromShowCreate(nil, db, ddl)
	if err != nil {
		s.t.Fatal(err)
	}
	return table, ddl
}

// snapshot reads all rows of the codec's table through the text protocol.
func (s *server) snapshot(c *Codec, mem *Memory, each func([]mysql.FieldValue)) []Row {
	s.t.Helper()
	var rows []Row
	var res mysql.Result
	sql := "SELECT " + c.SelectList() + " FROM " + c.Table().ID.Backticked()
	err := s.conn.ExecuteSelectStreaming(sql, &res, func(fields []mysql.FieldValue) error {
		if each != nil {
			each(fields)
		}
		r, err := c.DecodeText(fields, mem)
		rows = append(rows, r)
		return err
	}, nil)
	if err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
	return rows
}

// image is one row of a rows event.
type image struct {
	table   string
	types   []byte
	meta    []uint16
	present []byte
	body    []byte
	kind    replication.EnumRowsEventType
}

// stream reads the rows events of one database from pos on until the table named end is written.
func (s *server) stream(pos mysql.Position, db, end string) []image {
	s.t.Helper()
	host, port, _ := strings.Cut(s.addr, ":")
	var portNumber uint16
	fmt.Sscan(port, &portNumber)
	var mu sync.Mutex // the function runs on the client's goroutine
	var out []image
	done := false
	syncer := replication.NewBinlogSyncer(replication.BinlogSyncerConfig{
		ServerID: 4_000_001, Logger: slog.New(slog.DiscardHandler), Flavor: "mysql", Host: host, Port: portNumber, User: "root", Password: "rootpw",
		RowsEventDecodeFunc: func(e *replication.RowsEvent, b []byte) error {
			n, err := e.DecodeHeader(b)
			if err != nil {
				return err
			}
			tm := e.Table
			if string(tm.Schema) != db {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			if string(tm.Table) == end {
				done = true
			}
			out = append(out, image{string(tm.Table), tm.ColumnType, tm.ColumnMeta, e.ColumnBitmap1, b[n:], e.Type()})
			return nil
		},
	})
	defer syncer.Close()
	st, err := syncer.StartSync(pos)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	for {
		if _, err := st.GetEvent(ctx); err != nil {
			s.t.Fatal(err)
		}
		mu.Lock()
		if done {
			defer mu.Unlock()
			return out
		}
		mu.Unlock()
	}
}

// decode decodes the inserted rows of one table.
func decode(t *testing.T, c *Codec, images []image, mem *Memory) []Row {
	t.Helper()
	var rows []Row
	for _, im := range images {
		if im.table != c.Table().ID.Name || im.kind != replication.EnumRowsEventTypeInsert {
			continue
		}
		tm := &replication.TableMapEvent{ColumnType: im.types, ColumnMeta: im.meta}
		for b := im.body; len(b) > 0; {
			r, rest, err := c.DecodeBinlog(b, tm, im.present, Row{}, mem)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, r)
			b = rest
		}
	}
	return rows
}

func compareRows(t *testing.T, c *Codec, text, binlog []Row) {
	t.Helper()
	if len(text) != len(binlog) || len(text) == 0 {
		t.Fatalf("%d rows in the snapshot, %d in the binlog", len(text), len(binlog))
	}
	for i := range text {
		for j, f := range c.ValueSchema().Fields() {
			a, b := text[i].Value.At(j), binlog[i].Value.At(j)
			if !a.Equal(b) {
				t.Errorf("%s row %d, %s (%s): snapshot %s, binlog %s", c.Table().ID, i, f.Name, c.cols[j].src.TypeName, a, b)
			}
		}
		if err := text[i].Value.Validate(); err != nil {
			t.Errorf("%s row %d: %v", c.Table().ID, i, err)
		}
	}
}

func TestServerRowsAreDebeziums(t *testing.T) {
	s := connect(t)
	s.drops("inventory")
	pos := s.position()
	for _, f := range []string{"init", "rows"} {
		sql, err := os.ReadFile("testdata/" + f + ".sql")
		if err != nil {
			t.Fatal(err)
		}
		s.exec(string(sql))
	}
	s.exec("CREATE TABLE inventory.end_marker (a INT); INSERT INTO inventory.end_marker VALUES (1)")
	images := s.stream(pos, "inventory", "end_marker")
	var saved []savedRow
	for _, name := range goldenNames {
		table, ddl := s.table("inventory", name)
		c := newCodec(t, table, Options{})
		var mem Memory
		var texts [][]savedField
		text := s.snapshot(c, &mem, func(fs []mysql.FieldValue) { texts = append(texts, saveFields(fs)) })
		binlog := decode(t, c, images, &mem)
		compareRows(t, c, text, binlog)
		for i, r := range text {
			checkGolden(t, c, name, i, r)
		}
		i := 0
		for _, im := range images {
			if im.table != name {
				continue
			}
			tm := &replication.TableMapEvent{ColumnType: im.types, ColumnMeta: im.meta}
			for b := im.body; len(b) > 0; i++ {
				_, rest, _ := c.DecodeBinlog(b, tm, nil, Row{}, &mem)
				saved = append(saved, savedRow{name, ddl, im.types, im.meta, b[:len(b)-len(rest)], texts[i]})
				b = rest
			}
		}
	}
	if *update {
		var b []byte
		for _, r := range saved {
			line, _ := json.Marshal(r)
			b = append(append(b, line...), '\n')
		}
		if err := os.WriteFile("testdata/rows.jsonl", b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

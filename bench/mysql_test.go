//go:build bench

package bench

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/connectd/connectd/test/process"
)

const database = "bench"

// ample is time for anything that is not measured.
const ample = 2 * time.Minute

// tableKind is a table's form. Its first two columns are the id and a number, the others text of groups of 12 bytes.
type tableKind struct {
	columns []string
	types   []string
	groups  []int // of each text column
}

// narrow is sysbench's table, of about 200 bytes a row; wide has about 2 KB.
var (
	narrow = tableKind{
		columns: []string{"id", "k", "c", "pad"}, types: []string{"INT NOT NULL PRIMARY KEY", "INT NOT NULL", "CHAR(120) NOT NULL", "CHAR(60) NOT NULL"},
		groups: []int{10, 5},
	}
	wide = wideKind()
)

func wideKind() tableKind {
	k := tableKind{columns: narrow.columns[:2:2], types: narrow.types[:2:2]}
	for i := range 10 {
		k.columns = append(k.columns, fmt.Sprintf("c%d", i))
		k.types = append(k.types, "VARCHAR(250)")
		k.groups = append(k.groups, 17)
	}
	return k
}

func hostPort(address string) (host, port string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		panic(err) // test/bed's own
	}
	return host, port
}

func (b *bed) exec(t testing.TB, statements ...string) {
	t.Helper()
	for _, q := range statements {
		if _, err := b.db.Exec(q); err != nil {
			t.Fatalf("%.200s: %v", q, err)
		}
	}
}

// unlogged runs statements that do not get into the binlog.
func (b *bed) unlogged(t testing.TB, statements ...string) {
	t.Helper()
	ctx := context.Background() // also for what is cleaned up, when the test's own has ended
	conn, err := b.db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The connection goes back to the pool.
	defer func() { _, _ = conn.ExecContext(ctx, "SET sql_log_bin = 1") }()
	for _, q := range append([]string{"SET sql_log_bin = 0"}, statements...) {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			t.Fatalf("%.200s: %v", q, err)
		}
	}
}

// table makes a table of n rows anew and drops it after the test; the binlog has nothing of it.
func (b *bed) table(t testing.TB, kind tableKind, name string, n int64) string {
	t.Helper()
	var def strings.Builder
	for i, c := range kind.columns {
		fmt.Fprintf(&def, "%s %s, ", c, kind.types[i])
	}
	b.unlogged(t, "CREATE DATABASE IF NOT EXISTS "+database, "DROP TABLE IF EXISTS "+database+"."+name,
		"CREATE TABLE "+database+"."+name+" ("+def.String()+"KEY k_1 (k))")
	t.Cleanup(func() { _, _ = b.db.Exec("DROP TABLE IF EXISTS " + database + "." + name) })
	if n > 0 {
		b.fill(t, kind, name, 1, n, false)
	}
	return name
}

// fill loads n rows from the id on in one transaction.
func (b *bed) fill(t testing.TB, kind tableKind, table string, from, n int64, logged bool) {
	t.Helper()
	name := process.Unique("rows")
	mysql.RegisterReaderHandler(name, func() io.Reader { return rows(kind, from, n) })
	defer mysql.DeregisterReaderHandler(name)
	q := fmt.Sprintf("LOAD DATA LOCAL INFILE 'Reader::%s' INTO TABLE %s.%s", name, database, table)
	if logged {
		b.exec(t, q)
	} else {
		b.unlogged(t, q)
	}
	if from > 1 {
		return
	}
	var have int64
	if err := b.db.QueryRow("SELECT COUNT(*) FROM " + database + "." + table + " WHERE id > 0").Scan(&have); err != nil || have != n {
		t.Fatalf("%s holds %d rows, want %d (error: %v)", table, have, n, err)
	}
}

// rows are n lines for LOAD DATA.
func rows(kind tableKind, from, n int64) io.Reader {
	r, w := io.Pipe()
	go func() {
		rnd := rand.New(rand.NewPCG(7, uint64(from)))
		var b []byte
		for id := from; id < from+n; id++ {
			b = strconv.AppendInt(b, id, 10)
			b = append(b, '\t')
			b = strconv.AppendInt(b, rnd.Int64N(1<<30), 10)
			for _, groups := range kind.groups {
				b = append(b, '\t')
				b = appendDigits(b, rnd, groups)
			}
			b = append(b, '\n')
			if len(b) > 60<<10 || id == from+n-1 {
				if _, err := w.Write(b); err != nil {
					return // the reader was closed: the statement has failed
				}
				b = b[:0]
			}
		}
		w.Close()
	}()
	return r
}

// appendDigits appends groups of 11 digits with a hyphen between them, as sysbench does.
func appendDigits(b []byte, rnd *rand.Rand, groups int) []byte {
	for g := range groups {
		if g > 0 {
			b = append(b, '-')
		}
		for v, i := rnd.Uint64(), 0; i < 11; v, i = v/10, i+1 {
			b = append(b, '0'+byte(v%10))
		}
	}
	return b
}

func digits(groups int) string {
	return string(appendDigits(nil, rand.New(rand.NewPCG(1, uint64(groups))), groups))
}

// position is where the binlog ends; fresh begins another file first.
func (b *bed) position(t testing.TB, fresh bool) (file string, pos uint32) {
	t.Helper()
	if fresh {
		b.exec(t, "FLUSH BINARY LOGS")
	}
	var other [3]sql.NullString
	if err := b.db.QueryRow("SHOW BINARY LOG STATUS").Scan(&file, &pos, &other[0], &other[1], &other[2]); err != nil {
		t.Fatal(err)
	}
	return file, pos
}

// dumps are the connections that the server sends its binlog to.
func (b *bed) dumps(t testing.TB) map[int64]bool {
	t.Helper()
	rows, err := b.db.Query("SELECT id FROM performance_schema.processlist WHERE command LIKE 'Binlog Dump%'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	ids := map[int64]bool{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids[id] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return ids
}

// awaitDump waits until somebody reads the binlog who did not before: the connector that was started then streams.
func (b *bed) awaitDump(t testing.TB, name string, before map[int64]bool) {
	t.Helper()
	process.Await(t, ample, name+" reads the binlog", func() error {
		for id := range b.dumps(t) {
			if !before[id] {
				return nil
			}
		}
		return fmt.Errorf("nobody new does")
	})
}

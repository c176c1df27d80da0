//go:build integration

package takeover

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
)

// load appends numbered lines to a file and inserts numbered rows into a table, until the test ends it: 1, 2, 3 …
type load struct {
	file string
	db   *sql.DB
	// name is the database; its table is item.
	name string

	lines, rows atomic.Int64
}

func newLoad(t *testing.T, mysql, name string) *load {
	t.Helper()
	db, err := sql.Open("mysql", "root:rootpw@tcp("+mysql+")/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	l := &load{file: t.TempDir() + "/in.txt", db: db, name: name}
	l.exec(t, "CREATE DATABASE "+name)
	t.Cleanup(func() { l.exec(t, "DROP DATABASE "+name) })
	l.exec(t, "CREATE TABLE "+name+".item (id INT PRIMARY KEY, note VARCHAR(40))")
	for range 100 {
		l.row(t)
	}
	return l
}

func (l *load) exec(t *testing.T, q string) {
	if _, err := l.db.Exec(q); err != nil {
		t.Errorf("%s: %v", q, err)
	}
}

func (l *load) row(t *testing.T) {
	n := l.rows.Load() + 1
	l.exec(t, fmt.Sprintf("INSERT INTO %s.item (id, note) VALUES (%d, 'row %d')", l.name, n, n))
	l.rows.Store(n)
}

// run goes on until ctx ends; then the numbers stand.
func (l *load) run(ctx context.Context, t *testing.T) {
	f, err := os.Create(l.file)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n := int64(1); ; n += 3 {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := fmt.Fprintf(f, "%d\n%d\n%d\n", n, n+1, n+2); err != nil {
			t.Error(err)
		}
		l.lines.Store(n + 2)
		l.row(t)
	}
}

var number = regexp.MustCompile(`\d+`)

// numbers reads the first number of each line of a file.
func numbers(path string) ([]int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []int64
	for sc := bufio.NewScanner(f); sc.Scan(); {
		n, err := strconv.ParseInt(number.FindString(sc.Text()), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("line %q of %s has no number", sc.Text(), path)
		}
		out = append(out, n)
	}
	return out, nil
}

// check holds ns against 1, 2, 3 … up to last. A restart without warning may go back, once, to a number that was there: nothing is left
// out, and the order is kept.
func check(t *testing.T, what string, ns []int64, last int64, restarts int) {
	t.Helper()
	var highest, prev int64
	again, back := 0, 0
	for i, n := range ns {
		switch {
		case n == prev+1:
			if n <= highest {
				again++
			}
		case n <= highest:
			back++
			again++
			t.Logf("%s: goes back from %d to %d", what, prev, n)
		default:
			t.Fatalf("%s: %d follows %d at %d: lost or out of order (highest before: %d)", what, n, prev, i, highest)
		}
		prev, highest = n, max(highest, n)
	}
	t.Logf("%s: %d numbers, %d of them again, after %d steps back", what, len(ns), again, back)
	if highest != last {
		t.Errorf("%s ends with %d, want %d", what, highest, last)
	}
	if back > restarts {
		t.Errorf("%s goes back %d times; %d workers were killed", what, back, restarts)
	}
}

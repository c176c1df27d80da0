//go:build integration

package cdc

import (
	"fmt"
	"strings"
	"testing"
)

const benchRows = 100_000

// insertItems writes benchRows rows of five columns, ids from on.
func insertItems(b *testing.B, from int) {
	b.Helper()
	const perStatement = 1000
	c := root(b)
	run(b, c, "USE inventory")
	for i := from; i < from+benchRows; i += perStatement {
		var sql strings.Builder
		sql.WriteString("INSERT INTO items VALUES ")
		for j := range perStatement {
			if j > 0 {
				sql.WriteByte(',')
			}
			fmt.Fprintf(&sql, "(%d,'name of %[1]d',%[1]d.25,'2024-02-29 12:34:56.789','%s')", i+j, strings.Repeat("n", 100))
		}
		run(b, c, sql.String())
	}
}

const benchTable = "CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(64), price DECIMAL(10,2), at DATETIME(3), note VARCHAR(200))"

// BenchmarkSnapshot and BenchmarkStream read benchRows rows from the server, up to Poll: ns, bytes and allocations are of all of them.
func BenchmarkSnapshot(b *testing.B) {
	run(b, items(b, 0), "DROP TABLE items", benchTable)
	insertItems(b, 0)
	b.ReportAllocs()
	for b.Loop() {
		drain(b, "")
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
}

func BenchmarkStream(b *testing.B) {
	c := items(b, 0)
	run(b, c, "DROP TABLE items", benchTable)
	logs := &memoryLogs{}
	task := startTask(b, bedConfig(b, nil), logs, "")
	task.until("the snapshot", func(all []captured) bool { return len(all) > 0 && !strings.Contains(all[len(all)-1].offset, "INITIAL") })
	task.stop()
	from := serverPosition(b)
	insertItems(b, 0)
	b.ReportAllocs()
	for b.Loop() {
		drainFrom(b, logs.clone(), from)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
}

func drain(b *testing.B, stored string) { drainFrom(b, &memoryLogs{}, stored) }

// drainFrom starts a task and takes benchRows rows from it.
func drainFrom(b *testing.B, logs *memoryLogs, stored string) {
	task := startTask(b, bedConfig(b, nil), logs, stored)
	defer task.stop()
	for n := 0; n < benchRows; {
		out, err := task.task.Poll(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range out {
			if r.Topic == itemsTopic {
				n++
			}
		}
		task.task.Recycle(out)
	}
}

// serverPosition is the end of the binary log as an offset.
func serverPosition(t testing.TB) string {
	t.Helper()
	c := root(t)
	ask := func(q string, column int) string {
		r, err := c.Execute(q)
		if err != nil {
			t.Fatal(err)
		}
		s, _ := r.GetString(0, column)
		return strings.Clone(s)
	}
	file, pos, gtids := ask(under(t).logStatus, 0), ask(under(t).logStatus, 1), ask(under(t).gtids, 0)
	return fmt.Sprintf(`{"file":%q,"pos":%s,"gtids":%q}`, file, pos, gtids)
}

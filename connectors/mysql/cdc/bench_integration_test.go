//go:build integration

package cdc

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestThroughput prints how fast 100,000 rows come out of the snapshot and the stream, up to Poll, and what they allocate.
func TestThroughput(t *testing.T) {
	const rows, perStatement = 100_000, 1000
	c := items(t, 0)
	run(t, c, "DROP TABLE items", "CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(64), price DECIMAL(10,2), at DATETIME(3), note VARCHAR(200))")
	insert := func(from int) {
		for i := from; i < from+rows; i += perStatement {
			var b strings.Builder
			b.WriteString("INSERT INTO items VALUES ")
			for j := range perStatement {
				if j > 0 {
					b.WriteByte(',')
				}
				fmt.Fprintf(&b, "(%d,'name of %[1]d',%[1]d.25,'2024-02-29 12:34:56.789','%s')", i+j, strings.Repeat("n", 100))
			}
			run(t, c, b.String())
		}
	}
	insert(0)
	measure := func(what string, task *running) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		n := 0
		for n < rows {
			out, err := task.task.Poll(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range out {
				if r.Topic == itemsTopic {
					n++
				}
			}
			task.task.Recycle(out)
		}
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		t.Logf("%s: %.0f rows/s, %.2f allocations and %.0f bytes a row", what, float64(n)/took.Seconds(),
			float64(after.Mallocs-before.Mallocs)/float64(n), float64(after.TotalAlloc-before.TotalAlloc)/float64(n))
	}
	logs := &memoryLogs{}
	task := startTask(t, bedConfig(t, nil), logs, "")
	measure("snapshot", task)
	// The stream starts behind the snapshot and catches up.
	stored := serverPosition(t)
	task.stop()
	insert(rows)
	task = startTask(t, bedConfig(t, nil), logs, stored)
	measure("stream", task)
	task.stop()
}

// serverPosition is the end of the binary log as an offset.
func serverPosition(t testing.TB) string {
	t.Helper()
	r, err := root(t).Execute("SHOW BINARY LOG STATUS")
	if err != nil {
		t.Fatal(err)
	}
	file, _ := r.GetString(0, 0)
	pos, _ := r.GetString(0, 1)
	gtids, _ := r.GetString(0, 4)
	return fmt.Sprintf(`{"file":%q,"pos":%s,"gtids":%q}`, file, pos, gtids)
}

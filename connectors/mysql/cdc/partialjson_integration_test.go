//go:build integration

package cdc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"
)

// randomDocument is SQL for a document with room for partial updates: those larger than the document are logged whole.
func randomDocument(r *rand.Rand) string {
	switch r.IntN(12) {
	case 0:
		return "NULL"
	case 1:
		return "CAST('7' AS JSON)"
	case 2:
		return fmt.Sprintf("JSON_ARRAY(REPEAT('p', 400), 1, JSON_ARRAY(), JSON_OBJECT('a', %d, 'arr', JSON_ARRAY(1, JSON_OBJECT('z', NULL), 'three')))", r.IntN(100))
	default:
		return fmt.Sprintf(`JSON_OBJECT('pad', REPEAT('p', 600), 'a', %d, 'b', 'text', 'o', JSON_OBJECT('d', 1.50, 'o', JSON_OBJECT('d', TRUE)), 'arr', JSON_ARRAY(1, JSON_OBJECT('z', NULL), 'three', JSON_ARRAY(4, 5)),
			'x y', 2, 'ü', 'ü', 'q"t', 3, 'a.b', 4, '[0]', 5, '', 6, 'b\\s', 7, '$', 8, '%s', 9)`, r.IntN(1000), strings.Repeat("k", r.IntN(300)+5))
	}
}

func randomJSONPath(r *rand.Rand) string {
	legs := []string{".a", ".b", ".o", ".o.d", ".o.o", ".o.o.d", ".arr", ".arr[0]", ".arr[1]", ".arr[1].z", ".arr[last]", ".arr[last-1]", ".arr[3][0]", ".arr[99]", `."x y"`, `."ü"`, ".ü", `."q\\"t"`,
		`."a.b"`, `."[0]"`, `.""`, `."b\\\\s"`, `."$"`, ".$x", "._n", ".neu", `."neu 1"`, "[0]", "[1]", "[2][0]", "[3].arr[1]", "[3].a", "[last]", "", `."tab\\t"`, `."\\u00e9"`, `."日本"`}
	return "$" + legs[r.IntN(len(legs))]
}

func randomJSONValue(r *rand.Rand) string {
	values := []string{"1", "-70000", "18446744073709551615", "NULL", "TRUE", "'s'", "'ü \"q\" \\\\ \\n'", "REPEAT('long', 40)", "1.25e0", "CAST(1.50 AS DECIMAL(5,2))", "JSON_OBJECT('n', JSON_ARRAY(NULL, 'x'))",
		"JSON_ARRAY()", "JSON_OBJECT()", "CAST('-13:35:00.789' AS TIME(3))", "CAST('2024-03-10 02:30:00.5' AS DATETIME(6))", "CAST('2024-02-29' AS DATE)", "CAST(x'00FF' AS BINARY)", "REPEAT('w', 70000)"}
	if n := r.IntN(len(values) * 2); n < len(values) {
		return values[n]
	}
	return fmt.Sprint(r.IntN(100000))
}

// randomEdit is an expression of the functions that MySQL logs as partial updates.
func randomEdit(r *rand.Rand, column string) string {
	e := column
	for range 1 + r.IntN(3) {
		switch r.IntN(5) {
		case 0, 1:
			e = fmt.Sprintf("JSON_SET(%s, '%s', %s, '%s', %s)", e, randomJSONPath(r), randomJSONValue(r), randomJSONPath(r), randomJSONValue(r))
		case 2, 3:
			e = fmt.Sprintf("JSON_REPLACE(%s, '%s', %s)", e, randomJSONPath(r), randomJSONValue(r))
		default:
			if p := randomJSONPath(r); p != "$" { // which cannot be removed
				e = fmt.Sprintf("JSON_REMOVE(%s, '%s')", e, p)
			}
		}
	}
	return e
}

// partialRow is a row of the table of TestPartialJSON as the server has it, its documents without blanks.
func partialRow(t testing.TB, c *client.Conn, id int) [2]any {
	t.Helper()
	r, err := c.Execute(fmt.Sprintf("SELECT j, k FROM docs WHERE id = %d", id))
	if err != nil {
		t.Fatal(err)
	}
	var row [2]any
	for i := range row {
		if null, _ := r.IsNull(0, i); null {
			continue
		}
		text, _ := r.GetString(0, i)
		var b bytes.Buffer
		if err := json.Compact(&b, []byte(text)); err != nil {
			t.Fatal(err)
		}
		row[i] = b.String()
	}
	return row
}

// TestPartialJSON changes documents at random with partial updates logged, and wants each change to be what the server made of it, with
// full row images and with those that leave out large columns that did not change.
func TestPartialJSON(t *testing.T) {
	for _, image := range []string{"FULL", "NOBLOB"} {
		t.Run(image, func(t *testing.T) {
			c := items(t, 1)
			run(t, c, "CREATE TABLE docs (id INT PRIMARY KEY, j JSON, n INT NOT NULL, k JSON)")
			task := startTask(t, bedConfig(t, nil), &memoryLogs{}, "")
			defer task.stop()
			task.until("the snapshot", ended)
			run(t, c, "SET SESSION binlog_row_value_options = 'PARTIAL_JSON', binlog_row_image = "+image)
			r := rand.New(rand.NewPCG(7, 3))
			var statements []string
			var want [][2]any
			for i := range 400 {
				id := i / 20
				column := string("jk"[r.IntN(2)])
				q := fmt.Sprintf("UPDATE docs SET n = n + 1, %s = %s WHERE id = %d", column, randomEdit(r, column), id)
				switch {
				case i%20 == 0:
					q = fmt.Sprintf("INSERT INTO docs VALUES (%d, %s, 0, %s)", id, randomDocument(r), randomDocument(r))
				case r.IntN(10) == 0:
					q = fmt.Sprintf("UPDATE docs SET n = n + 1, j = %s, k = %s WHERE id = %d", randomEdit(r, "j"), randomEdit(r, "k"), id)
				case r.IntN(20) == 0:
					q = fmt.Sprintf("UPDATE docs SET n = n + 1, j = %s WHERE id = %d", randomDocument(r), id)
				}
				run(t, c, q)
				statements = append(statements, q)
				want = append(want, partialRow(t, c, id))
			}
			const topic = "dbserver1.inventory.docs"
			t.Cleanup(func() {
				if n := len(changesOf(task.seen, topic)); t.Failed() && n < len(statements) {
					t.Logf("the change after the last one that came: %s", statements[n])
				}
			})
			task.until("all changes", count(topic, len(want)))
			n := 0
			for _, rec := range changesOf(task.seen, topic) {
				after := payload(&rec)["after"].(map[string]any)
				for i, column := range []string{"j", "k"} {
					if image == "NOBLOB" && after[column] == "__debezium_unavailable_value" {
						continue
					}
					if after[column] != want[n][i] {
						t.Errorf("%s\n%s is %.400v\nwant %.400v", statements[n], column, after[column], want[n][i])
					}
				}
				n++
			}
		})
	}
}

// changesOf are the records of one topic.
func changesOf(all []captured, topic string) (out []captured) {
	for _, r := range all {
		if r.topic == topic {
			out = append(out, r)
		}
	}
	return out
}

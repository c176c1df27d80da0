//go:build integration

package cdc

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
)

// TestReselect lets the connector stand still while rows change, so that what it looks up later differs from what the log says.
func TestReselect(t *testing.T) {
	c := items(t, 0)
	run(t, c, "DROP TABLE items", "CREATE TABLE items (id BIGINT UNSIGNED, name VARCHAR(20), code VARBINARY(8), price DECIMAL(20,2), b TEXT, n INT, other TEXT, "+
		"PRIMARY KEY (id, name, code, price))", "CREATE TABLE dated (d DATE PRIMARY KEY, b TEXT)")
	const key = "(18446744073709551615, 'it''s ü', x'00ff', -12345678901234567.25, "
	props := bedConfig(t, config.Props{"snapshot.mode": "no_data", "heartbeat.interval.ms": "100", "post.processors": "again", "again.type": reselectClass,
		"again.reselect.columns.include.list": `inventory\.(items|dated):[bn]`})
	logs := &memoryLogs{}
	task := startTask(t, props, logs, "")
	task.until("the stream", streaming)
	run(t, c, "INSERT INTO items VALUES "+key+"'text', 1, 'o')")
	task.until("the first row", count(itemsTopic, 1))
	task.stop()
	at := task.seen[len(task.seen)-1].offset

	run(t, c, "SET SESSION binlog_row_image = NOBLOB", "UPDATE items SET n = NULL", "SET SESSION binlog_row_image = FULL", "UPDATE items SET n = 7, b = 'now'")
	task = startTask(t, props, logs.clone(), at)
	task.until("the updates", count(itemsTopic, 2))
	task.stop()
	task.seen = slices.DeleteFunc(task.seen, func(c captured) bool { return c.topic != itemsTopic })
	for i, want := range []string{"b:now n:#7 other:__debezium_unavailable_value", "b:now n:#7 other:o"} {
		after := fmt.Sprint(task.seen[i].value.(map[string]any)["payload"].(map[string]any)["after"])
		for part := range strings.FieldsSeq(want) {
			if !strings.Contains(after, part) {
				t.Errorf("update %d: %s, want %s", i, after, part)
			}
		}
	}

	run(t, c, "DELETE FROM items")
	for mode, want := range map[string]string{"warn": "", "fail": "not there any more"} {
		props["again.reselect.error.handling.mode"] = mode
		task = startTask(t, props, logs.clone(), at)
		var err error
		for err == nil && !count(itemsTopic, 4)(task.seen) { // two updates, a delete and its tombstone
			out, e := task.task.Poll(t.Context())
			for _, r := range out {
				task.seen = append(task.seen, renderRecord(r))
			}
			err = e
		}
		task.stop()
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("mode %s: %v, want %s", mode, err, want)
		}
	}

	run(t, c, "INSERT INTO dated VALUES ('2024-02-29', NULL)")
	props["again.reselect.columns.include.list"], props["again.reselect.error.handling.mode"] = `inventory\.dated:b`, "fail"
	dated := startTask(t, props, logs.clone(), at)
	defer dated.stop()
	var err error
	for err == nil {
		_, err = dated.task.Poll(t.Context())
	}
	if !strings.Contains(err.Error(), "rows cannot be found by type DATE") {
		t.Errorf("a key of dates: %v", err)
	}
}

// streaming tells that a heartbeat came: the snapshot is done.
func streaming(all []captured) bool {
	return slices.ContainsFunc(all, func(c captured) bool { return strings.HasPrefix(c.topic, "__debezium-heartbeat") })
}

//go:build integration

package cdc

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
)

// TestHistoryFileAndTopics keeps the schema history in a file over a restart, with two tables in one topic, and what the connection of
// the binary log can be told.
func TestHistoryFileAndTopics(t *testing.T) {
	c := items(t, 1)
	run(t, c, "CREATE TABLE items_2 LIKE items", "INSERT INTO items_2 VALUES (1, 'x')")
	props := bedConfig(t, config.Props{
		"schema.history.internal": "io.debezium.storage.file.history.FileSchemaHistory", "schema.history.internal.file.filename": filepath.Join(t.TempDir(), "h"),
		"topic.naming.strategy": "io.debezium.schema.DefaultRegexTopicNamingStrategy", "topic.regex": `(.*\.items).*`, "topic.replacement": "$1_all",
		"use.nongraceful.disconnect": "true", "binlog.net.read.timeout": "77", "binlog.net.write.timeout": "78", "poll.dispatch.interval.ms": "10",
		"guardrail.collections.max": "1", "include.schema.changes": "false",
	})
	delete(props, "schema.history.internal.kafka.topic")
	topic := itemsTopic + "_all"
	task := startTask(t, props, &memoryLogs{}, "")
	task.until("the snapshot", func(all []captured) bool {
		return reads(all, topic) == 2 && !strings.Contains(all[len(all)-1].offset, "INITIAL")
	})
	keys := map[string]bool{}
	for i := range task.seen {
		keys[fmt.Sprint(task.seen[i].key)] = true
	}
	if len(keys) != 2 {
		t.Errorf("the keys of two tables: %v", keys)
	}
	run(t, c, "ALTER TABLE items ADD w INT", "INSERT INTO items VALUES (2, 'b', 3)")
	task.until("a change", func(all []captured) bool { return len(all) == 3 })
	if under(t).variablesOfThreads {
		out, err := c.Execute("SELECT COUNT(*) FROM performance_schema.threads t JOIN performance_schema.variables_by_thread v USING (THREAD_ID) " +
			"WHERE t.PROCESSLIST_COMMAND LIKE 'Binlog Dump%' AND (VARIABLE_NAME, VARIABLE_VALUE) IN (('net_read_timeout', '77'), ('net_write_timeout', '78'))")
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := out.GetInt(0, 0); n != 2 {
			t.Errorf("%d of 2 time-outs are set", n)
		}
	}
	task.stop()
	run(t, c, "INSERT INTO items VALUES (3, 'c', 4)")
	task = startTask(t, props, &memoryLogs{}, task.seen[2].offset)
	task.until("the change after the restart", func(all []captured) bool { return len(all) == 1 })
	task.stop()

	props["guardrail.collections.limit.action"] = "fail"
	task = startTask(t, props, &memoryLogs{}, task.seen[0].offset)
	defer task.stop()
	var err error
	for err == nil {
		_, err = task.task.Poll(t.Context())
	}
	if !strings.Contains(err.Error(), "guardrail.collections.max") {
		t.Errorf("too many tables: %v", err)
	}
}

//go:build integration

package cdc

import (
	"reflect"
	"testing"

	"github.com/connectd/connectd/connect/config"
)

// TestSessionsOfOtherModes: whatever the server's sql_mode and the user's initial statements make of a session, a snapshot's values are those of
// the stream, and the table's definition is read right.
func TestSessionsOfOtherModes(t *testing.T) {
	const row = `'2026-03-01 12:00:00', 'ab', 'back\\slash and ''quote''', '{"a": "b\\\\c"}'`
	for _, x := range []struct{ name, global, initial string }{
		{name: "time zone", initial: "SET time_zone = '-05:00'"},
		{name: "character set", initial: "SET NAMES latin1"},
		{name: "no commits, no quotes", initial: "SET autocommit = 0; SET sql_quote_show_create = 0"},
		{name: "modes of the user", initial: "SET sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH'"},
		{name: "modes of the server", global: "ANSI,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH"},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := root(t)
			fresh(t, c)
			run(t, c, "CREATE DATABASE inventory CHARACTER SET utf8mb4", "USE inventory", "SET time_zone = '+00:00'",
				"CREATE TABLE items (`select` CHAR(12) NOT NULL PRIMARY KEY, at TIMESTAMP NULL, c CHAR(8) DEFAULT 'x\\\\y', v VARCHAR(40) COMMENT 'it''s \"so\"', j JSON)",
				`INSERT INTO items VALUES ('a\\b', `+row+`), ('c''d', `+row+`)`)
			if x.global != "" {
				keepGlobals(t, c, "sql_mode")
				run(t, c, "SET GLOBAL sql_mode = '"+x.global+"'")
			}
			s := startTask(t, bedConfig(t, config.Props{"database.initial.statements": x.initial, "snapshot.max.threads": "2"}), &memoryLogs{}, "")
			s.until("both rows", count(itemsTopic, 2))
			run(t, c, `INSERT INTO items VALUES ('e\\f', `+row+`)`)
			s.until("the third", count(itemsTopic, 3))
			s.stop()
			var after []map[string]any
			for _, r := range s.seen {
				if r.topic != itemsTopic {
					continue
				}
				a := r.value.(map[string]any)["payload"].(map[string]any)["after"].(map[string]any)
				delete(a, "select")
				after = append(after, a)
			}
			for _, a := range after[:2] {
				if !reflect.DeepEqual(a, after[2]) {
					t.Errorf("snapshot %v\nstream   %v", a, after[2])
				}
			}
			if got := after[2]["v"]; got != `back\slash and 'quote'` {
				t.Errorf("v is %v", got)
			}
		})
	}
}

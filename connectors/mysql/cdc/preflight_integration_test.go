//go:build integration

package cdc

import (
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// TestPreflight sets the server up badly, one thing at a time, and wants the check of that name to say so.
func TestPreflight(t *testing.T) {
	c := items(t, 1)
	look := func(t *testing.T, more config.Props) string {
		t.Helper()
		set, err := settingsOf(parseConfig(t, bedConfig(t, more)))
		if err != nil {
			t.Fatal(err)
		}
		conn, err := server.Dial(t.Context(), set.server)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		found, err := preflight(t.Context(), conn, set)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, f := range found {
			if f.problem != nil {
				out = append(out, f.check+"! "+f.problem.Key+": "+f.problem.Message)
				continue
			}
			out = append(out, f.check+": "+f.advice)
		}
		return strings.Join(out, "\n")
	}
	keepGlobals(t, c, "binlog_expire_logs_seconds")
	fullMetadata(t, c)
	if got := look(t, nil); got != "" {
		t.Errorf("a sound server: %s", got)
	}
	r, err := c.Execute("SELECT @@server_id")
	if err != nil {
		t.Fatal(err)
	}
	own, _ := r.GetString(0, 0)
	for _, x := range []struct {
		set, reset string
		props      config.Props
		want       string
	}{
		{"SET GLOBAL binlog_row_metadata = 'MINIMAL'", "SET GLOBAL binlog_row_metadata = 'FULL'", nil, "row metadata: binlog_row_metadata is not FULL"},
		{"SET GLOBAL binlog_expire_logs_seconds = 3600", "SET GLOBAL binlog_expire_logs_seconds = 864000", nil, "retention: the binary log is kept for 1h0m0s"},
		{"SET GLOBAL binlog_format = 'STATEMENT'", "SET GLOBAL binlog_format = 'ROW'", nil, "binary log! database.hostname: "},
		{"SET GLOBAL binlog_row_image = 'MINIMAL'", "SET GLOBAL binlog_row_image = 'FULL'", nil, "binary log! database.hostname: "},
		{"CREATE TABLE `表` (a INT PRIMARY KEY)", "DROP TABLE `表`", config.Props{"table.include.list": ".*"}, ""},
		{"CREATE TABLE `文` (a INT PRIMARY KEY)", "SELECT 1", nil, ""},
		{"CREATE TABLE `字` (a INT PRIMARY KEY)", "DROP TABLE `字`", nil, "topic names: the tables inventory.字, inventory.文 share the topic dbserver1.inventory._"},
		{"SELECT 1", "SELECT 1", config.Props{"database.server.id": own}, "server id! database.server.id: " + own + " is the server's own"},
	} {
		run(t, c, x.set)
		got := look(t, x.props)
		run(t, c, x.reset)
		if !strings.HasPrefix(got, x.want) || x.want == "" && got != "" {
			t.Errorf("%s: %s, want %s", x.set, got, x.want)
		}
	}
}

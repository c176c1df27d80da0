//go:build integration

package cdc

import (
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestStatementIsAppliedOnce has the schema history written, and the answer lost with an error that looks like one of the MySQL server's: the
// statement is not applied a second time to the same definitions, but announced, once, after a restart.
func TestStatementIsAppliedOnce(t *testing.T) {
	s := startCut(t, nil)
	c := session(t)
	s.logs.mu.Lock()
	s.logs.fail = func(topic string) error {
		if strings.HasSuffix(topic, ".tables") {
			return nil
		}
		s.logs.fail = nil
		return &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	s.logs.mu.Unlock()
	at := s.task.seen[len(s.task.seen)-1].offset
	run(t, c, "ALTER TABLE items ADD extra INT", "INSERT INTO items VALUES (50, 'behind it', 5)")
	var err error
	for end := time.Now().Add(20 * time.Second); err == nil && time.Now().Before(end); {
		_, err = s.task.task.Poll(t.Context())
	}
	if err == nil {
		t.Fatal("the task does not fail")
	}
	s.task.stop()
	again := startTask(t, s.props, s.logs, at)
	s.task = again
	defer again.stop()
	again.until("the row behind the statement", func(all []captured) bool { return slices.Contains(ids(all), "50") })
	s.wantOnce(t, "ADD extra")
}

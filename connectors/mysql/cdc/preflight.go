package cdc

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// finding is what a check of the server found: a problem that makes a validation fail, or advice that the task logs when it starts.
type finding struct {
	check   string // its name
	problem *config.Problem
	advice  string
}

// checks look at the server before anything is read. Each is one subject; an error is one of the connection.
var checks = []struct {
	name string
	run  func(context.Context, *server.Conn, *settings) ([]finding, error)
}{
	{"binary log", problems(checkBinlog)},
	{"privileges", problems(checkGrants)},
	{"tables", problems(checkTables)},
	{"replica", checkReplica},
	{"server id", checkServerID},
	{"retention", checkRetention},
	{"row metadata", checkMetadata},
	{"GTID", checkGTID},
	{"character set", checkCharset},
	{"topic names", checkTopics},
}

// problems makes a check of one that knows problems only.
func problems(f func(context.Context, *server.Conn, *settings) ([]config.Problem, error)) func(context.Context, *server.Conn, *settings) ([]finding, error) {
	return func(ctx context.Context, c *server.Conn, s *settings) ([]finding, error) {
		ps, err := f(ctx, c, s)
		var out []finding
		for i := range ps {
			out = append(out, finding{problem: &ps[i]})
		}
		return out, err
	}
}

func advise(format string, args ...any) []finding {
	return []finding{{advice: fmt.Sprintf(format, args...)}}
}

// preflight runs all checks.
func preflight(ctx context.Context, conn *server.Conn, set *settings) ([]finding, error) {
	var out []finding
	for _, c := range checks {
		found, err := c.run(ctx, conn, set)
		if err != nil {
			return out, fmt.Errorf("checking the server (%s): %w", c.name, err)
		}
		for _, f := range found {
			f.check = c.name
			out = append(out, f)
		}
	}
	return out, nil
}

// checkReplica finds a replica that does not log what it gets.
func checkReplica(ctx context.Context, conn *server.Conn, set *settings) ([]finding, error) {
	if !set.snapshot.stream {
		return nil, nil
	}
	for _, name := range []string{"log_replica_updates", "log_slave_updates"} {
		v, err := conn.Global(ctx, name)
		if err != nil {
			return nil, err
		}
		if !strings.EqualFold(v, "OFF") {
			continue
		}
		readOnly, err := conn.Global(ctx, "read_only")
		if err != nil {
			return nil, err
		}
		if strings.EqualFold(readOnly, "ON") {
			return advise("%s is OFF: if this server is a replica, the changes it gets from its source are not in its binary log and will not be seen", name), nil
		}
	}
	return nil, nil
}

// checkServerID finds a number that the server has itself, or another replica.
func checkServerID(ctx context.Context, conn *server.Conn, set *settings) ([]finding, error) {
	own, err := conn.Global(ctx, "server_id")
	if err != nil {
		return nil, err
	}
	if own == strconv.FormatUint(uint64(set.serverID), 10) {
		return []finding{{problem: &config.Problem{Key: keyDatabaseServerID.Name(), Message: fmt.Sprintf(
			"%s is the server's own server_id: the connector joins as a replica and needs a number that no server and no other replica has", own)}}}, nil
	}
	rows, err := conn.Rows(ctx, "SHOW REPLICAS")
	if server.Code(err) == 1064 {
		rows, err = conn.Rows(ctx, "SHOW SLAVE HOSTS")
	}
	if server.Code(err) != 0 { // REPLICATION SLAVE is missing: another check says so
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if r[0] == strconv.FormatUint(uint64(set.serverID), 10) {
			return advise("database.server.id %s is in use by another replica now; if that is not this connector's own former connection, the server will end one of the two again and again", r[0]), nil
		}
	}
	return nil, nil
}

// shortRetention is less than what a weekend takes.
const shortRetention = 3 * 24 * time.Hour

func checkRetention(ctx context.Context, conn *server.Conn, set *settings) ([]finding, error) {
	if !set.snapshot.stream {
		return nil, nil
	}
	v, err := conn.Global(ctx, "binlog_expire_logs_seconds")
	if err != nil {
		return nil, err
	}
	seconds, _ := strconv.ParseInt(v, 10, 64) // 0 for a server without the variable, too
	if seconds == 0 || time.Duration(seconds)*time.Second >= shortRetention {
		return nil, nil
	}
	return advise("the binary log is kept for %s (binlog_expire_logs_seconds=%d): a connector that is down for longer needs a new snapshot",
		time.Duration(seconds)*time.Second, seconds), nil
}

func checkMetadata(ctx context.Context, conn *server.Conn, set *settings) ([]finding, error) {
	if !set.snapshot.stream {
		return nil, nil
	}
	full, err := describesItself(ctx, conn)
	if err != nil || full {
		return nil, err
	}
	return advise("binlog_row_metadata is not FULL: with it, table definitions are read from the binary log itself and cannot be lost (SET PERSIST binlog_row_metadata = FULL)"), nil
}

func checkGTID(ctx context.Context, conn *server.Conn, set *settings) ([]finding, error) {
	if !set.snapshot.stream {
		return nil, nil
	}
	on, err := conn.GTIDMode(ctx)
	switch {
	case err != nil || on:
		return nil, err
	case len(set.server.Hosts) > 1:
		return advise("gtid_mode is not ON: reading cannot go on at another host of database.hostname"), nil
	case set.gtidFilter != nil:
		return advise("gtid_mode is not ON: gtid.source.includes and gtid.source.excludes have no effect"), nil
	}
	return nil, nil
}

func checkCharset(ctx context.Context, conn *server.Conn, _ *settings) ([]finding, error) {
	name, err := conn.Global(ctx, "character_set_server")
	if err != nil {
		return nil, err
	}
	if _, err := row.ToUTF8(name, nil); err != nil {
		return advise("character_set_server: %v", err), nil
	}
	return nil, nil
}

// checkTopics finds tables that share a topic, since a topic's name has fewer characters than a table's.
func checkTopics(ctx context.Context, conn *server.Conn, set *settings) ([]finding, error) {
	ids, err := listTables(ctx, conn, set.filters.builtin)
	if err != nil {
		return nil, err
	}
	by := map[string][]history.TableID{}
	for _, id := range ids {
		if set.filters.table(id) {
			topic := set.names.table(id)
			by[topic] = append(by[topic], id)
		}
	}
	var out []finding
	for topic, tables := range by {
		if len(tables) > 1 && set.names.regex == nil {
			out = append(out, advise("the tables %s share the topic %s, and rows with equal keys will replace each other", join(tables), topic)...)
		}
		if len(set.names.original(tables[0])) > maxTopicName && set.names.regex == nil {
			out = append(out, advise("the name of table %s makes a topic longer than the %d characters Kafka allows; it is cut to %s", tables[0], maxTopicName, topic)...)
		}
	}
	slices.SortFunc(out, func(a, b finding) int { return strings.Compare(a.advice, b.advice) })
	return out, nil
}

func join(ids []history.TableID) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.String()
	}
	return strings.Join(out, ", ")
}

// advise logs what the checks found that does not keep the connector from running.
func (r *reader) advise(ctx context.Context, conn *server.Conn) error {
	found, err := preflight(ctx, conn, r.set)
	if err != nil {
		return err
	}
	for _, f := range found {
		if f.problem != nil {
			r.log.Warn("the server was checked", "check", f.check, "problem", f.problem.Message)
			continue
		}
		r.log.Info("the server was checked", "check", f.check, "advice", f.advice)
	}
	return nil
}

//go:build integration

package golden

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/test/process"
)

// base is the prefix of all names in the captures; a run has one of its own in its place. Name adjustment leaves both as they are.
const base = "goldenrun0x"

// uuid stands for the server's in the captures.
const uuid = "00000000-1111-2222-3333-444444444444"

// databases are those of the scenario.
var databases = []string{"gold", "gold_b", "gold_x"}

// record is one Kafka record with the run's own prefix replaced by base. Null is nil.
type record struct {
	topic      string
	key, value []byte
	headers    [][2]string
}

// scenario is one run of the SQL with connectors in all modes.
type scenario struct {
	t      *testing.T
	server server
	modes  []mode // of the server
	prefix string
	rest   process.REST
	conn   *sql.Conn
	seen   map[string][]record // by mode
	broken map[string]bool
	full   bool             // row images are full, whatever the script says
	uuid   string           // of the server, in its GTIDs; empty: they have none
	next   map[string]int64 // by topic and partition
}

// play runs the scenario on the worker and returns what each mode's connector wrote. full is for captures of lean scenarios.
func (sv server) play(t *testing.T, rest process.REST, prefix string, ms []mode, full bool) map[string][]record {
	t.Helper()
	prefix += "x"
	db, err := sql.Open("mysql", "root:rootpw@tcp("+process.Bed(t, sv.bed)+")/?charset=utf8mb4")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := &scenario{t: t, server: sv, modes: sv.modes(), prefix: prefix, rest: rest, conn: conn, full: full, seen: map[string][]record{}, broken: map[string]bool{}, next: map[string]int64{}}
	if sv.zone != "" {
		s.serverZone(sv.zone)
	}
	// What an aborted run left goes before the log begins: MariaDB's DROP DATABASE is longer in the log if there was something to drop, and
	// all positions behind it would be others.
	for _, db := range databases {
		s.exec("DROP DATABASE IF EXISTS " + db)
	}
	// Positions begin at the same place only in a new log, and what depends on the clock is fixed.
	for _, q := range sv.setUp {
		s.exec(q)
	}
	if sv.uuid {
		if err := conn.QueryRowContext(t.Context(), "SELECT @@server_uuid").Scan(&s.uuid); err != nil {
			t.Fatal(err)
		}
	}
	s.script("init")
	s.script("rows")
	for i, m := range ms {
		rest.Put(s.name(m), s.config(m, i))
	}
	t.Cleanup(func() {
		for _, m := range ms {
			_, _ = rest.Do("DELETE", "/connectors/"+s.name(m), nil, nil)
		}
		for _, db := range databases {
			if _, err := sv.cleaner(t).Exec("DROP DATABASE IF EXISTS " + db); err != nil {
				t.Error(err)
			}
		}
	})
	cl, err := kgo.NewClient(kgo.SeedBrokers(process.Bed(t, "BED_KAFKA")), kgo.ConsumeRegex(), kgo.ConsumeTopics("^(history-)?"+prefix+".*"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.MetadataMinAge(250*time.Millisecond), kgo.MetadataMaxAge(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	s.until(cl, ms, "snapshot", s.snapshotDone)
	ms = slices.DeleteFunc(slices.Clone(ms), func(m mode) bool { return s.broken[m.name] })
	s.exec("SET @n = 2000")
	s.script("rows")
	s.script("stream")
	s.until(cl, ms, "stream", s.streamDone)
	for _, m := range ms {
		if !s.broken[m.name] { // a stopped connector has written all that it has read
			rest.Must("PUT", "/connectors/"+s.name(m)+"/stop", nil, nil)
			rest.AwaitState(s.name(m), "STOPPED", 0)
		}
	}
	s.drain(cl)
	maps.DeleteFunc(s.seen, func(name string, _ []record) bool { return s.broken[name] })
	return s.seen
}

// cleaner is a connection of its own, for what comes after the test.
func (sv server) cleaner(t *testing.T) *sql.DB {
	db, err := sql.Open("mysql", "root:rootpw@tcp("+process.Bed(t, sv.bed)+")/")
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func (s *scenario) name(m mode) string { return s.prefix + m.name }

func (s *scenario) exec(q string) {
	s.t.Helper()
	if _, err := s.conn.ExecContext(s.t.Context(), q); err != nil {
		s.t.Fatalf("%.300s: %v", q, err)
	}
}

// serverZone gives the server a time zone by name until the test ends. Of the zone's rules it gets those of this century.
func (s *scenario) serverZone(name string) {
	s.t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		s.t.Fatal(err)
	}
	s.exec("SET sql_log_bin = OFF")
	var known sql.NullString
	if err := s.conn.QueryRowContext(s.t.Context(), "SELECT CONVERT_TZ('2024-01-01', '+00:00', ?)", name).Scan(&known); err != nil {
		s.t.Fatal(err)
	}
	if !known.Valid {
		s.exec("DELETE FROM mysql.time_zone_name WHERE Name = '" + name + "'")
		s.exec("INSERT INTO mysql.time_zone (Use_leap_seconds) VALUES ('N')")
		s.exec("SET @zone = LAST_INSERT_ID()")
		s.exec("INSERT INTO mysql.time_zone_name VALUES ('" + name + "', @zone)")
		for at := time.Date(1999, 1, 1, 0, 0, 0, 0, zone); at.Year() < 2038; {
			_, at = at.ZoneBounds()
			abbreviation, offset := at.Zone()
			s.exec(fmt.Sprintf("INSERT IGNORE INTO mysql.time_zone_transition_type VALUES (@zone, %v, %d, %[1]v, '%[3]s')", at.IsDST(), offset, abbreviation))
			s.exec(fmt.Sprintf("INSERT INTO mysql.time_zone_transition VALUES (@zone, %d, %v)", at.Unix(), at.IsDST()))
		}
	}
	s.exec("SET sql_log_bin = ON")
	var before string
	if err := s.conn.QueryRowContext(s.t.Context(), "SELECT @@GLOBAL.time_zone").Scan(&before); err != nil {
		s.t.Fatal(err)
	}
	s.exec("SET GLOBAL time_zone = '" + name + "'")
	s.t.Cleanup(func() {
		if _, err := s.server.cleaner(s.t).Exec("SET GLOBAL time_zone = '" + before + "'"); err != nil {
			s.t.Error(err)
		}
	})
}

// script runs name.sql of the server: a statement ends with a semicolon at the end of its line, a line that begins with -- is a comment.
func (s *scenario) script(name string) {
	s.t.Helper()
	b, err := os.ReadFile("testdata/" + s.server.name + "/" + name + ".sql")
	if err != nil {
		s.t.Fatal(err)
	}
	var q strings.Builder
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "--") {
			continue
		}
		q.WriteString(line)
		if text := strings.TrimRight(line, " \n"); strings.HasSuffix(text, ";") {
			if !s.full || !strings.HasPrefix(q.String(), "SET binlog_row_") {
				s.exec(strings.TrimSuffix(strings.TrimSpace(q.String()), ";"))
			}
			q.Reset()
		}
	}
}

func (s *scenario) config(m mode, i int) map[string]string {
	host, port, _ := strings.Cut(process.Bed(s.t, s.server.bed), ":")
	json := "org.apache.kafka.connect.json.JsonConverter"
	c := map[string]string{
		"connector.class": s.server.connector, "tasks.max": "1", "database.hostname": host, "database.port": port,
		"database.user": "root", "database.password": "rootpw", "database.server.id": fmt.Sprint(71000 + i), "topic.prefix": s.name(m),
		"database.include.list": "gold,gold_b", "schema.history.internal.kafka.bootstrap.servers": process.Bed(s.t, "BED_KAFKA"),
		"schema.history.internal.kafka.topic": "history-" + s.name(m), "include.schema.changes": "false", "poll.interval.ms": "100",
		"key.converter": json, "value.converter": json, "key.converter.schemas.enable": "true", "value.converter.schemas.enable": "true",
		"errors.restart.enable": "false",
	}
	for k, v := range m.props {
		c[k] = v
	}
	return c
}

// until reads the topics until each mode is done.
func (s *scenario) until(cl *kgo.Client, ms []mode, what string, done func(mode) bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 3*time.Minute)
	defer cancel()
	left := ms
	check := time.Now()
	for {
		var still []mode
		for _, m := range left {
			if !done(m) {
				still = append(still, m)
			}
		}
		if left = still; len(left) == 0 {
			return
		}
		if time.Since(check) > 3*time.Second {
			check = time.Now()
			left = slices.DeleteFunc(slices.Clone(left), s.failed)
		}
		poll, stop := context.WithTimeout(ctx, time.Second)
		fs := cl.PollFetches(poll)
		stop()
		if ctx.Err() != nil {
			for _, m := range left {
				st, _ := s.rest.Status(s.name(m))
				s.t.Errorf("the %s of mode %s is not done: %d records, %+v", what, m.name, len(s.seen[m.name]), st)
				s.broken[m.name] = true
			}
			return
		}
		fs.EachRecord(s.take)
	}
}

// drain reads what is there: the last change of one topic may come before the others'.
func (s *scenario) drain(cl *kgo.Client) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	fresh, err := kgo.NewClient(kgo.SeedBrokers(process.Bed(s.t, "BED_KAFKA"))) // cl may not have heard of the last topics
	if err != nil {
		s.t.Fatal(err)
	}
	defer fresh.Close()
	ends, err := kadm.NewClient(fresh).ListEndOffsets(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	behind := func() (n int64) {
		ends.Each(func(o kadm.ListedOffset) {
			if strings.HasPrefix(strings.TrimPrefix(o.Topic, "history-"), s.prefix) {
				n += max(0, o.Offset-s.next[fmt.Sprint(o.Topic, o.Partition)])
			}
		})
		return n
	}
	for behind() > 0 {
		cl.PollFetches(ctx).EachRecord(s.take)
		if ctx.Err() != nil {
			s.t.Fatalf("%d records of the topics cannot be read", behind())
		}
	}
}

// failed tells whether a connector's task has failed. It is an error, its records are dropped, and the other modes go on.
func (s *scenario) failed(m mode) bool {
	st, err := s.rest.Status(s.name(m))
	if err != nil {
		return false
	}
	for _, task := range append(st.Tasks, st.Connector) {
		if task.State == "FAILED" {
			s.t.Errorf("mode %s: %s", m.name, task.Trace)
			s.broken[m.name] = true
			return true
		}
	}
	return false
}

// take keeps a record under its mode: the longest one whose prefix the topic has.
func (s *scenario) take(r *kgo.Record) {
	s.next[fmt.Sprint(r.Topic, r.Partition)] = r.Offset + 1
	if strings.HasPrefix(r.Topic, "history-") && strings.HasSuffix(r.Topic, ".tables") {
		return // connectd's copy of the definitions; Debezium has none
	}
	name := ""
	rest := strings.TrimPrefix(strings.TrimPrefix(r.Topic, "history-"), s.prefix)
	for _, m := range s.modes {
		after, ok := strings.CutPrefix(rest, m.name)
		if ok && len(m.name) > len(name) && (after == "" || after[0] == '.' || after[0] == '-') {
			name = m.name
		}
	}
	clean := func(b []byte) []byte {
		if b == nil {
			return nil
		}
		text := strings.ReplaceAll(string(b), s.prefix, base)
		if s.uuid != "" {
			text = strings.ReplaceAll(text, s.uuid, uuid)
		}
		return []byte(text)
	}
	rec := record{topic: string(clean([]byte(r.Topic))), key: clean(r.Key), value: clean(r.Value)}
	for _, h := range r.Headers {
		rec.headers = append(rec.headers, [2]string{h.Key, string(clean(h.Value))})
	}
	s.seen[name] = append(s.seen[name], rec)
}

func (s *scenario) snapshotDone(m mode) bool {
	for _, r := range s.seen[m.name] {
		if strings.Contains(string(r.value), `"snapshot":"last"`) {
			return true
		}
	}
	return false
}

// streamDone waits for the last change of the script, which is an update; modes without updates have the insert before it. Where
// transactions are told of, its transaction has to be at its end: not all are, Debezium never ends some of MariaDB's.
func (s *scenario) streamDone(m mode) bool {
	op := `"op":"u"`
	if m.noUpdates {
		op = `"op":"c"`
	}
	var last []byte
	for _, r := range s.seen[m.name] {
		if strings.HasSuffix(r.topic, "gold.ints") || strings.HasSuffix(r.topic, "gold-ints") {
			if value := string(r.value); strings.Contains(value, `"id":999999`) && strings.Contains(value, op) {
				last = r.value
			}
		}
	}
	if last == nil || m.props["provide.transaction.metadata"] != "true" {
		return last != nil
	}
	var change struct {
		Payload struct{ Transaction struct{ ID string } }
	}
	if err := json.Unmarshal(last, &change); err != nil {
		s.t.Fatal(err)
	}
	end := fmt.Sprintf(`"status":"END","id":"%s"`, change.Payload.Transaction.ID)
	return slices.ContainsFunc(s.seen[m.name], func(r record) bool {
		return strings.HasSuffix(r.topic, ".transaction") && strings.Contains(string(r.value), end)
	})
}

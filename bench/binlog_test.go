//go:build bench

package bench

import (
	"context"
	"fmt"
	"testing"

	"github.com/connectd/connectd/test/process"
)

// load is changes of one table that are in the binlog before anybody reads them.
type load struct {
	table   string
	before  func(t *testing.T, b *bed, table string, s *suite) // fills the table, unseen by the binlog
	make    func(t *testing.T, b *bed, table string, s *suite)
	records func(s *suite) int64
}

// transactionRows is how many rows the transactions of bulk loads have.
const transactionRows = 1000

var insertLoad = load{
	table: "inserts",
	make: func(t *testing.T, b *bed, table string, s *suite) {
		for from, n := int64(1), s.size(500_000); from <= n; from += transactionRows {
			b.fill(t, narrow, table, from, transactionRows, true)
		}
	},
	records: func(s *suite) int64 { return s.size(500_000) },
}

// Three of four transactions update, one deletes; a delete is two records.
var mixedLoad = load{
	table: "mixed",
	before: func(t *testing.T, b *bed, table string, s *suite) {
		b.fill(t, narrow, table, 1, s.size(200_000), false)
	},
	make: func(t *testing.T, b *bed, table string, s *suite) {
		for i, from := 0, int64(1); from <= s.size(200_000); i, from = i+1, from+transactionRows {
			q := "UPDATE %s SET k = k + 1, c = REVERSE(c) WHERE id BETWEEN %d AND %d"
			if i%4 == 3 {
				q = "DELETE FROM %s WHERE id BETWEEN %d AND %d"
			}
			b.exec(t, fmt.Sprintf(q, database+"."+table, from, from+transactionRows-1))
		}
	},
	records: func(s *suite) int64 { return s.size(200_000) * 5 / 4 },
}

var singleLoad = load{
	table:   "singles",
	make:    func(t *testing.T, b *bed, table string, s *suite) { b.singles(t, table, s.size(50_000)) },
	records: func(s *suite) int64 { return s.size(50_000) },
}

var largeLoad = load{
	table:   "large",
	make:    func(t *testing.T, b *bed, table string, s *suite) { b.fill(t, narrow, table, 1, s.size(200_000), true) },
	records: func(s *suite) int64 { return s.size(200_000) },
}

// catchUp measures how a connector that was stopped reads what has been changed meanwhile. In each round both workers start, have their
// connector stream one row, and stop it; then the changes are made; then one after the other resumes.
func catchUp(l load) func(*testing.T, *suite, string) {
	return func(t *testing.T, s *suite, name string) {
		for round := 1; round <= s.rounds; round++ {
			t.Run(fmt.Sprint(round), func(t *testing.T) { s.catchUpRound(t, name, round, l) })
		}
	}
}

// reader is a worker whose connector has streamed the first row and is stopped.
type reader struct {
	*peer
	connector, topic string
}

func (s *suite) catchUpRound(t *testing.T, name string, round int, l load) {
	table := s.bed.table(t, narrow, l.table, 0)
	if l.before != nil {
		l.before(t, s.bed, table, s)
	}
	var readers []*reader
	for _, peer := range s.peers {
		if peer != Bare {
			readers = append(readers, s.reader(t, peer, table))
		}
	}
	s.bed.exec(t, fmt.Sprintf("INSERT INTO %s.%s VALUES (0, 0, 'first', '')", database, table))
	for _, r := range readers {
		process.Await(t, ample, r.name+" streams", func() error { return s.holds(r.topic, 1) })
		r.rest.Must("PUT", "/connectors/"+r.connector+"/stop", nil, nil)
		r.rest.AwaitState(r.connector, "STOPPED", 0)
	}
	file, pos := s.bed.position(t, true)
	l.make(t, s.bed, table, s)
	_, end := s.bed.position(t, false)
	records := l.records(s)
	spec := bareSpec{DB: database, Table: table, Columns: narrow.columns, File: file, Pos: pos, End: end, Rows: records}
	once := func(peer string, do func(t *testing.T) Run) {
		t.Run(peer, func(t *testing.T) {
			run := Run{Peer: peer}
			defer func() {
				run.Scenario, run.Round = name, round
				s.record(t, run)
			}()
			run = do(t)
		})
	}
	if s.has(Bare) {
		if round == 1 {
			read := spec
			read.Mode = "binlog-read"
			s.limit(t, name+"-read", read, records)
		}
		once(Bare, func(t *testing.T) Run {
			spec.Mode, spec.Topic = "binlog", process.Unique("bare")
			s.bed.drop(t, spec.Topic)
			return s.bareRun(t, spec, records)
		})
	}
	for _, r := range readers {
		once(r.name, func(t *testing.T) Run {
			run := s.measure(t, r.peer, work{
				start: func() { r.rest.Must("PUT", "/connectors/"+r.connector+"/resume", nil, nil) },
				count: func() (int64, error) { n, err := s.bed.ends(r.topic); return n - 1, err },
				want:  records, connector: r.connector,
			})
			r.stopped()
			return run
		})
	}
}

// reader starts a worker with a connector that reads no more than changes of the table.
func (s *suite) reader(t *testing.T, name, table string) *reader {
	t.Helper()
	prefix := process.Unique("log")
	r := &reader{connector: prefix, topic: prefix + "." + database + "." + table}
	s.bed.drop(t, prefix, prefix+"-history", r.topic)
	r.peer = s.start(t, name, discovery)
	before := s.bed.dumps(t)
	r.rest.Put(prefix, s.mysqlConfig(prefix, database, database+"."+table, map[string]string{"snapshot.mode": "no_data"}))
	r.rest.AwaitRunning(prefix, 1)
	s.bed.awaitDump(t, name, before)
	return r
}

// holds is an error as long as the topic has fewer than n records.
func (s *suite) holds(topic string, n int64) error {
	have, err := s.bed.ends(topic)
	if err == nil && have < n {
		err = fmt.Errorf("%s holds %d of %d", topic, have, n)
	}
	return err
}

// singles inserts n rows, each in a transaction of its own, over four connections.
func (b *bed) singles(t testing.TB, table string, n int64) {
	t.Helper()
	errs := make(chan error)
	const writers = 4
	for w := range int64(writers) {
		go func() { errs <- b.insert(t.Context(), table, w+1, n, writers, nil, nil) }()
	}
	for range writers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// insert inserts the rows from, from+step … to by a connection of its own, and calls before and after for each; both may be nil.
func (b *bed) insert(ctx context.Context, table string, from, to, step int64, before, after func(id int64)) error {
	conn, err := b.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	insert, err := conn.PrepareContext(ctx, "INSERT INTO "+database+"."+table+" VALUES (?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	c, pad := digits(10), digits(5)
	for id := from; id <= to; id += step {
		if before != nil {
			before(id)
		}
		if _, err := insert.ExecContext(ctx, id, id, c, pad); err != nil {
			return err
		}
		if after != nil {
			after(id)
		}
	}
	return nil
}

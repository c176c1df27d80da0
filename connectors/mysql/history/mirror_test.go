package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
)

// topic is partition 0 of a topic, with offsets.
type topic struct {
	records []connect.LogRecord
	at      []int64 // offsets
	next    int64
	fail    int // AppendAll writes so many records more, and then fails; -1: never
	reads   int // records handed out
}

func newTopic() *topic { return &topic{fail: -1} }

var errTopic = errors.New("the broker is gone")

func (l *topic) ReadToEnd(ctx context.Context, f func(key, value []byte) error) error {
	return l.ReadFrom(ctx, 0, func(_ int64, key, value []byte) error { return f(key, value) })
}

func (l *topic) ReadFrom(_ context.Context, offset int64, f func(offset int64, key, value []byte) error) error {
	for i, r := range l.records {
		if l.at[i] < offset {
			continue
		}
		l.reads++
		key, value := bytes.Clone(r.Key), bytes.Clone(r.Value)
		if err := f(l.at[i], key, value); err != nil {
			return err
		}
		clear(key)
		clear(value)
	}
	return nil
}

func (l *topic) Append(ctx context.Context, key, value []byte) error {
	_, _, err := l.AppendAll(ctx, []connect.LogRecord{{Key: key, Value: value}})
	return err
}

func (l *topic) AppendAll(_ context.Context, records []connect.LogRecord) (first, last int64, err error) {
	first = l.next
	for _, r := range records {
		if l.fail == 0 {
			return 0, 0, errTopic
		}
		if l.fail > 0 {
			l.fail--
		}
		l.records = append(l.records, connect.LogRecord{Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)})
		l.at = append(l.at, l.next)
		l.next++
	}
	return first, l.next - 1, nil
}

func (l *topic) Close() error { return nil }

func (l *topic) remove(i int) {
	l.records = slices.Delete(l.records, i, i+1)
	l.at = slices.Delete(l.at, i, i+1)
}

// compact removes some of what a later record of the key replaces, and some null values, as the broker may.
func (l *topic) compact(r *rand.Rand) {
	newest := map[string]bool{}
	for i := len(l.records) - 1; i >= 0; i-- {
		key := string(l.records[i].Key)
		if (newest[key] || l.records[i].Value == nil) && r.IntN(2) == 0 {
			l.remove(i)
			if !newest[key] {
				for j := i - 1; j >= 0; j-- { // what the null replaced goes first
					if string(l.records[j].Key) == key {
						l.remove(j)
						i--
					}
				}
			}
			continue
		}
		newest[key] = true
	}
}

func mirrored(history, tables *topic) *Store {
	cfg := StoreConfig{Log: history, Server: "s", Logger: slog.New(slog.DiscardHandler)}
	if tables != nil {
		cfg.Tables = tables
	}
	return NewStore(cfg)
}

// server is a MySQL server's log of statements, and a connector that follows it and may die at any time.
type server struct {
	t       *testing.T
	r       *rand.Rand
	gtids   bool
	script  []string
	history *topic
	tables  *topic
	stored  Position // the offset that is stored
	covered int64
	done    int // statements before it
	used    int // recoveries by the mirror
}

func (s *server) position(done int) Position {
	p := Position{File: fmt.Sprintf("b.%06d", 1+done/40), Pos: uint64(100 * (done + 1)), TsSec: int64(done), ServerID: 1}
	if s.gtids && done > 0 {
		p.GTIDs = fmt.Sprintf("33db946c-e6aa-11f1-825e-02fc00000001:1-%d", done)
	}
	return p
}

// recorded is where Debezium records a statement: the position behind it, the GTIDs before it.
func (s *server) recorded(i int) Position {
	p := s.position(i + 1)
	p.GTIDs = s.position(i).GTIDs
	return p
}

func (s *server) statement() string {
	r := s.r
	db := fmt.Sprintf("d%d", r.IntN(2))
	table := func() string { return fmt.Sprintf("%s.t%d", db, r.IntN(4)) }
	switch r.IntN(12) {
	case 0:
		return "CREATE DATABASE " + db + " CHARACTER SET " + []string{"latin1", "gbk", "utf8mb4"}[r.IntN(3)]
	case 1:
		return "DROP DATABASE " + db
	case 2:
		return "DROP TABLE IF EXISTS " + table() + ", " + table()
	case 3:
		return "RENAME TABLE " + table() + " TO " + table()
	case 4:
		return "SET character_set_server=" + []string{"latin1", "utf8mb4"}[r.IntN(2)]
	case 5:
		return "CREATE UNIQUE INDEX u ON " + table() + " (a)"
	case 6, 7:
		return fmt.Sprintf("ALTER TABLE %s ADD c%d ENUM('x','y''z') NOT NULL DEFAULT 'x'", table(), r.IntN(1000))
	case 8:
		return "ALTER TABLE " + table() + " RENAME TO " + table()
	default:
		return fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, a VARCHAR(%d) NOT NULL, b TEXT)", table(), 1+r.IntN(99))
	}
}

// run is one life of the connector: it recovers, follows some statements, and dies. mirror is false for Debezium.
func (s *server) run(mirror bool) {
	s.t.Helper()
	tables := s.tables
	if !mirror {
		tables = nil
	}
	store := mirrored(s.history, tables)
	got, err := store.Recover(s.t.Context(), s.stored, s.covered)
	if err != nil {
		s.t.Fatal(err)
	}
	want, err := mirrored(s.history, nil).Recover(s.t.Context(), s.stored, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	sameModel(s.t, fmt.Sprintf("after %d of %d statements, by the mirror: %v", s.done, len(s.script), got.FromMirror), got.Model, want.Model)
	if got.FromMirror {
		s.used++
	}
	s.follow(store, got.Model, mirror)
}

func (s *server) follow(store *Store, m *Model, mirror bool) {
	r, p := s.r, NewParser()
	for i := s.done; i < s.done+12; i++ {
		if i == len(s.script) {
			s.script = append(s.script, s.statement())
		}
		changes, err := p.Apply(m, Session{}, s.script[i])
		if err != nil {
			continue // the server refused it: it is not in its log
		}
		if r.IntN(15) == 0 { // dies while it writes
			[]*topic{s.history, s.tables}[r.IntN(2)].fail = r.IntN(3)
		}
		err = store.Record(s.t.Context(), s.recorded(i), changes...)
		s.history.fail, s.tables.fail = -1, -1
		if err != nil {
			return
		}
		if r.IntN(3) > 0 {
			s.stored, s.done, s.covered = s.position(i+1), i+1, 0
			if mirror {
				s.covered = store.Covered()
			}
		}
		if r.IntN(10) == 0 {
			return
		}
	}
}

// snapshot is a run that begins with one.
func (s *server) snapshot() {
	store, p := mirrored(s.history, s.tables), NewParser()
	store.Restart(s.t.Context())
	m := NewModel(0)
	at := s.position(len(s.script))
	at.Snapshot = "INITIAL"
	statements := []string{"SET character_set_server=utf8mb4", "DROP DATABASE IF EXISTS d0", "DROP DATABASE IF EXISTS d1", "CREATE DATABASE d0", "CREATE TABLE d0.t0 (a INT)"}
	for _, ddl := range statements {
		changes, err := p.Apply(m, Session{}, ddl)
		if err != nil {
			s.t.Fatal(err)
		}
		if err := store.Add(s.t.Context(), at, changes...); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := store.Flush(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.stored, s.done, s.covered = s.position(len(s.script)), len(s.script), store.Covered()
	s.follow(store, m, true)
}

// TestRecoveryByTheMirrorIsThatOfTheWholeHistory lives through crashes, Debezium's turns, snapshots, zombies and compactions.
func TestRecoveryByTheMirrorIsThatOfTheWholeHistory(t *testing.T) {
	used, runs := 0, 0
	for seed := range uint64(25) {
		s := &server{t: t, r: rand.New(rand.NewPCG(seed, 7)), gtids: seed%2 == 0, history: newTopic(), tables: newTopic()}
		s.snapshot()
		for range 20 {
			switch s.r.IntN(10) {
			case 0:
				s.run(false)
			case 1:
				s.snapshot()
			case 2: // a zombie goes on beside a new one
				zombie := mirrored(s.history, s.tables)
				z, err := zombie.Recover(t.Context(), s.stored, s.covered)
				if err != nil {
					t.Fatal(err)
				}
				s.run(true)
				stored, done, covered := s.stored, s.done, s.covered
				s.follow(zombie, z.Model, true)
				s.stored, s.done, s.covered = stored, done, covered // its offsets are not taken
			case 3:
				s.tables.compact(s.r)
				s.run(true)
			default:
				s.run(true)
			}
			runs++
		}
		used += s.used
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if used < runs/3 {
		t.Errorf("only %d of %d runs used the mirror", used, runs)
	}
	t.Logf("%d of %d runs used the mirror", used, runs)
}

// follower is a connector that has recorded some tables, with all of it stored.
func follower(t *testing.T) (history, tables *topic, stored Position, covered int64) {
	t.Helper()
	history, tables = newTopic(), newTopic()
	s, m, p := mirrored(history, tables), NewModel(0), NewParser()
	for i := range 20 {
		changes, err := p.Apply(m, Session{Database: "d"}, fmt.Sprintf("CREATE TABLE t%d (id INT PRIMARY KEY, a TEXT)", i))
		if err != nil {
			t.Fatal(err)
		}
		stored = Position{File: "b.000001", Pos: uint64(100 + i)}
		if err := s.Record(t.Context(), stored, changes...); err != nil {
			t.Fatal(err)
		}
	}
	return history, tables, stored, s.Covered()
}

func TestMirrorWhenTheHistoryIsLost(t *testing.T) {
	for _, c := range []struct {
		name   string
		lose   func(l *topic)
		proven bool // the stored offset says that the mirror has all
		tables int  // recovered
		mirror bool
		docs   bool // written to the history again
	}{
		{name: "nothing is lost", lose: func(*topic) {}, proven: true, tables: 20, mirror: true},
		{name: "made anew", lose: func(l *topic) { *l = *newTopic() }, proven: true, tables: 20, mirror: true, docs: true},
		{name: "made anew, and nobody knows what was in it", lose: func(l *topic) { *l = *newTopic() }},
		{name: "the first half is gone", lose: func(l *topic) { l.records, l.at = l.records[10:], l.at[10:] }, tables: 20, mirror: true},
		{name: "the last half is gone", lose: func(l *topic) { l.records, l.at, l.next = l.records[:10], l.at[:10], 10 }, proven: true, tables: 20, mirror: true, docs: true},
		{name: "the last half is gone, and nobody knows what was in it", lose: func(l *topic) { l.records, l.at, l.next = l.records[:10], l.at[:10], 10 }, tables: 10},
		{name: "all is gone, but the topic is there", lose: func(l *topic) { l.records, l.at = nil, nil }, proven: true, tables: 20, mirror: true, docs: true},
	} {
		history, tables, stored, covered := follower(t)
		c.lose(history)
		if !c.proven {
			covered = 0
		}
		n := history.next
		s := mirrored(history, tables)
		r, err := s.Recover(t.Context(), stored, covered)
		if err != nil {
			t.Fatal(err)
		}
		if r.Model.Len() != c.tables || r.FromMirror != c.mirror || (history.next > n) != c.docs || (r.Documents == 0) != (c.tables == 0) {
			t.Errorf("%s: %d tables, by the mirror %v, %d documents written", c.name, r.Model.Len(), r.FromMirror, history.next-n)
		}
		if c.tables == 0 {
			continue
		}
		for _, store := range []*Store{mirrored(history, nil), mirrored(history, tables)} { // what is left is whole again
			again, err := store.Recover(t.Context(), stored, s.Covered())
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(c.name, "the first half") && store.mirror == nil {
				continue // Debezium's rule: what is gone is gone
			}
			sameModel(t, c.name+", once more", again.Model, r.Model)
		}
	}
}

// Documents that others wrote since are in the mirror too.
func TestMirrorSeesWhatOthersWrite(t *testing.T) {
	history, tables, stored, covered := follower(t)
	s := mirrored(history, tables)
	if _, err := s.Recover(t.Context(), stored, covered); err != nil {
		t.Fatal(err)
	}
	for i, store := range []*Store{mirrored(history, nil), s} {
		stored.Pos++
		if err := store.Record(t.Context(), stored, Change{Type: Drop, DB: "d", ID: TableID{"d", fmt.Sprint("t", i)}}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := mirrored(history, tables).Recover(t.Context(), stored, 0)
	if err != nil || !r.FromMirror || r.Model.Len() != 18 {
		t.Errorf("%d tables, by the mirror %v, %v", r.Model.Len(), r.FromMirror, err)
	}
}

// A history that is being restored when the task dies is restored again.
func TestMirrorRestoresInSpiteOfCrashes(t *testing.T) {
	history, tables, stored, covered := follower(t)
	*history = *newTopic()
	history.fail = 5
	if _, err := mirrored(history, tables).Recover(t.Context(), stored, covered); !errors.Is(err, errTopic) {
		t.Fatal(err)
	}
	history.fail = -1
	r, err := mirrored(history, tables).Recover(t.Context(), stored, covered)
	if err != nil || r.Model.Len() != 20 {
		t.Fatalf("%d tables, %v", r.Model.Len(), err)
	}
	if whole, err := mirrored(history, nil).Recover(t.Context(), stored, 0); err != nil || whole.Model.Len() != 20 {
		t.Errorf("the history has %d tables, %v", whole.Model.Len(), err)
	}
}

// What does not fit is not used, and written anew, so that the start after it is fast again.
func TestMirrorIsNotUsedWhen(t *testing.T) {
	for name, spoil := range map[string]func(history, tables *topic, cfg *StoreConfig, at *Position){
		"the offset is older": func(_, _ *topic, _ *StoreConfig, at *Position) { at.Pos = 110 },
		"a record is missing": func(_, tables *topic, _ *StoreConfig, _ *Position) { tables.remove(0) },
		"a record was changed": func(_, tables *topic, _ *StoreConfig, _ *Position) {
			tables.records[2].Value = bytes.Replace(tables.records[2].Value, []byte("TEXT"), []byte("BLOB"), 1)
		},
		"there is none":                     func(_, tables *topic, _ *StoreConfig, _ *Position) { *tables = *newTopic() },
		"lower_case_table_names is another": func(_, _ *topic, cfg *StoreConfig, _ *Position) { cfg.LowerCaseTableNames = 1 },
		"it is no JSON": func(_, tables *topic, _ *StoreConfig, _ *Position) {
			for i := range tables.records {
				tables.records[i].Value = []byte("{")
			}
		},
		"the topic cannot be written": func(_, tables *topic, cfg *StoreConfig, _ *Position) { cfg.LowerCaseTableNames, tables.fail = 1, 0 },
	} {
		history, tables, stored, covered := follower(t)
		cfg := StoreConfig{Log: history, Tables: tables, Server: "s", Logger: slog.New(slog.DiscardHandler)}
		spoil(history, tables, &cfg, &stored)
		s := NewStore(cfg)
		r, err := s.Recover(t.Context(), stored, covered)
		if err != nil || r.FromMirror {
			t.Errorf("%s: by the mirror %v, %v", name, r.FromMirror, err)
		}
		wants := 20
		if stored.Pos == 110 {
			wants = 11
		}
		if r.Model.Len() != wants {
			t.Errorf("%s: %d tables", name, r.Model.Len())
		}
		failed := tables.fail == 0
		if failed != (s.Covered() == 0) {
			t.Errorf("%s: the offset would say %d", name, s.Covered())
		}
		tables.fail = -1
		stored.Pos = 1000
		again, err := NewStore(cfg).Recover(t.Context(), stored, s.Covered())
		if err != nil || again.FromMirror == failed || again.Model.Len() != 20 {
			t.Errorf("%s: then %d tables, by the mirror %v, %v", name, again.Model.Len(), again.FromMirror, err)
		}
	}
}

// A start must not read the history again, however long it is.
func TestMirrorSparesReadingTheHistory(t *testing.T) {
	history, tables := newTopic(), newTopic()
	s, m, p := mirrored(history, tables), manyTables(t, 1), NewParser()
	var at Position
	for i := range 2000 {
		changes, err := p.Apply(m, Session{Database: "d0"}, fmt.Sprintf("CREATE TABLE x%d (a INT)", i%3))
		if err == nil {
			at = Position{File: "b.000001", Pos: uint64(i + 10)}
			err = s.Add(t.Context(), at, changes...)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	history.reads = 0
	r, err := mirrored(history, tables).Recover(t.Context(), at, 0)
	if err != nil || !r.FromMirror || r.Model.Len() != 3 || history.reads > tailLength {
		t.Errorf("%d documents read for %d tables, %v", history.reads, r.Model.Len(), err)
	}
	if n := len(tables.records); n > 20 {
		t.Errorf("%d records for 3 tables written at once", n)
	}
}

func TestBounds(t *testing.T) {
	gtid := func(s string, event uint64) Position { return Position{GTIDs: s, Event: event} }
	all := []Position{gtid("a:1-3", 2), gtid("a:1-5", 0), gtid("a:1-5,b:1", 1), gtid("c:1", 0), {File: "x.1", Pos: 5}, {File: "x.2", Pos: 1, TsSec: 9},
		{File: "x.1", Pos: 7, TsSec: 20, ServerID: 2}, {File: "y.9", Pos: 1}, gtid("a:1-3", 5), {GTIDs: "a:1-4", Snapshot: "INITIAL"}}
	var b bounds
	for i, p := range all {
		b, _ = b.with(p)
		for _, stop := range append(all, gtid("a:1-9,b:1-9,c:1-9", 0), Position{File: "x.9", Pos: 1, TsSec: 10, ServerID: 1}) {
			for _, keep := range []func(string) bool{nil, func(u string) bool { return u == "a" }} {
				at := stopAt(stop, keep)
				if !b.within(at) {
					continue
				}
				for _, doc := range all[:i+1] {
					if !at.includes(doc) {
						t.Errorf("the bounds are before %+v, %+v is not", stop, doc)
					}
				}
			}
		}
	}
	if len(b) == len(all) {
		t.Error("nothing was joined")
	}
}

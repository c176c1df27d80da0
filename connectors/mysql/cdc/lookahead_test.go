package cdc

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connectors/mysql/history"
)

// counting keeps what is counted.
type counting struct {
	connect.NoMetrics
	counts map[string]int64
	reads  map[string]func() float64

	bound    map[string]bool // counters
	labelled int
}

func newCounting() *counting {
	return &counting{counts: map[string]int64{}, reads: map[string]func() float64{}, bound: map[string]bool{}}
}

func (c *counting) Counter(m *connect.Metric) func(int64) {
	name := strings.TrimPrefix(m.Name, "mysql_")
	c.bound[name] = true
	return func(n int64) { c.counts[name] += n }
}

// Gauges counts.
func (c *counting) Gauges(*connect.Metric, func(func(string, float64))) { c.labelled++ }

func (c *counting) Gauge(m *connect.Metric, read func() float64) {
	c.reads[strings.TrimPrefix(m.Name, "mysql_")] = read
}

// scripted is a reader that is given events of a binary log made by hand, with the table d.t (id INT PRIMARY KEY).
type scripted struct {
	t     *testing.T
	r     *reader
	pos   uint32
	count *counting
}

func newScripted(t *testing.T, more config.Props) *scripted {
	t.Helper()
	set, err := settingsOf(parseConfig(t, minimal(more)))
	if err != nil {
		t.Fatal(err)
	}
	set.flavor = mysqlFlavor
	count := newCounting()
	now := func() time.Time { return time.Unix(1700000010, 0) }
	r := newReader(readerConfig{set: set, queue: newQueue(64, 1000, 0), log: slog.New(slog.DiscardHandler), now: now, metrics: count})
	r.setModel(history.NewModel(0))
	if _, err := r.ddl.Apply(r.model, history.Session{Database: "d"}, "CREATE TABLE t (id INT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	if r.cur, err = r.cursor(&offset{file: "bin.1", pos: 4}); err != nil {
		t.Fatal(err)
	}
	r.inc, r.maps = newIncremental(r, nil), map[uint64]*tableMap{}
	t.Cleanup(r.dropHeld)
	s := &scripted{t: t, r: r, pos: 4, count: count}
	lengths := make([]byte, 41)
	lengths[replication.TABLE_MAP_EVENT-1] = 8
	body := append(binary.LittleEndian.AppendUint16(nil, 4), make([]byte, 54)...)
	copy(body[2:], "8.0.36")
	body = append(append(append(body, replication.EventHeaderSize), lengths...), byte(replication.BINLOG_CHECKSUM_ALG_OFF), 0, 0, 0, 0)
	if err := r.format(s.raw(replication.FORMAT_DESCRIPTION_EVENT, body)); err != nil {
		t.Fatal(err)
	}
	return s
}

// raw is an event behind the one before.
func (s *scripted) raw(kind replication.EventType, body []byte) []byte {
	raw := binary.LittleEndian.AppendUint32(nil, 1700000000)
	raw = append(raw, byte(kind))
	size := uint32(replication.EventHeaderSize + len(body))
	s.pos += size
	for _, n := range []uint32{1, size, s.pos} {
		raw = binary.LittleEndian.AppendUint32(raw, n)
	}
	return append(append(raw, 0, 0), body...)
}

// give hands an event over: "XID", "rotate", "row 5" and "map" (of d.t), else a statement.
func (s *scripted) give(what string) {
	s.t.Helper()
	kind, body := replication.QUERY_EVENT, append([]byte{7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, what...)
	word, id, _ := strings.Cut(what, " ")
	switch word {
	case "XID":
		kind, body = replication.XID_EVENT, make([]byte, 8)
	case "map":
		kind, body = replication.TABLE_MAP_EVENT, []byte("\x01\x00\x00\x00\x00\x00\x01\x00\x01d\x00\x01t\x00\x01\x03\x00\x00")
	case "row":
		var n uint32
		_, _ = fmt.Sscan(id, &n)
		kind, body = replication.WRITE_ROWS_EVENTv2, binary.LittleEndian.AppendUint32([]byte("\x01\x00\x00\x00\x00\x00\x01\x00\x02\x00\x01\xff\x00"), n)
	case "rotate":
		if err := s.r.handle(s.t.Context(), &replication.BinlogEvent{Header: &replication.EventHeader{},
			Event: &replication.RotateEvent{NextLogName: []byte("bin.2"), Position: 4}}); err != nil {
			s.t.Fatal(err)
		}
		s.pos = 4
		return
	}
	raw := s.raw(kind, body)
	h := &replication.EventHeader{}
	if err := h.Decode(raw); err != nil {
		s.t.Fatal(err)
	}
	if err := s.r.handle(s.t.Context(), &replication.BinlogEvent{Header: h, RawData: raw, Event: &replication.GenericEvent{Data: body}}); err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
}

// sent are the records that came, in a word each, and takes them out.
func (s *scripted) sent() string {
	var out []string
	for s.r.q.backlog() > 0 {
		batch, err := s.r.q.take(s.t.Context(), 0, 0)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, rec := range batch {
			v := rec.Value.Value.Struct()
			if rec.Topic == "p.transaction" {
				status, _ := v.Get("status")
				out = append(out, status.String())
				continue
			}
			after, _ := v.Get("after")
			id, _ := after.Struct().Get("id")
			out = append(out, id.String())
		}
		s.r.q.recycle(batch)
	}
	return strings.Join(out, " ")
}

// TestLookAhead: what is rolled back is not sent with binlog.buffer.size, whatever its size; what is sent comes with the offsets that it
// has without.
func TestLookAhead(t *testing.T) {
	for _, c := range []struct {
		name, script      string
		plain, held       string // what is sent without and with a buffer
		commits, rolledBk int64
		malformed         int64
	}{
		{"committed", "BEGIN|map|row 1|row 2|XID|BEGIN|map|row 3|COMMIT", "BEGIN 1 2 END BEGIN 3 END", "BEGIN 1 2 END BEGIN 3 END", 2, 0, 0},
		{"rolled back", "BEGIN|map|row 1|ROLLBACK|BEGIN|map|row 2|XID", "BEGIN 1 END BEGIN 2 END", "BEGIN 2 END", 1, 1, 0},
		{"rolled back, large", "BEGIN|map|row 1|row 2|row 3|row 4|row 5|ROLLBACK|begin|map|row 6|commit", "BEGIN 1 2 3 4 5 END BEGIN 6 END", "BEGIN 6 END", 1, 1, 0},
		{"to a savepoint", "BEGIN|map|row 1|SAVEPOINT s|row 2|ROLLBACK TO `s`|row 3|XID", "BEGIN 1 2 3 END", "BEGIN 1 2 3 END", 1, 0, 0},
		{"without an end, another begins", "BEGIN|map|row 1|BEGIN|row 2|XID", "BEGIN 1 BEGIN 2 END", "BEGIN 1 BEGIN 2 END", 1, 0, 1},
		{"without an end, another file", "BEGIN|map|row 1|rotate|BEGIN|map|row 2|XID", "BEGIN 1 BEGIN 2 END", "BEGIN 1 BEGIN 2 END", 1, 0, 1},
		{"end without a begin", "XID|ROLLBACK|BEGIN|map|row 1|XID", "BEGIN 1 END", "BEGIN 1 END", 2, 1, 0},
	} {
		for _, size := range []string{"0", "1", "4", "1000"} {
			t.Run(c.name+" "+size, func(t *testing.T) {
				s := newScripted(t, config.Props{"topic.prefix": "p", "provide.transaction.metadata": "true", "binlog.buffer.size": size})
				want, malformed := c.held, c.malformed
				if size == "0" {
					want, malformed = c.plain, 0
				}
				for _, what := range strings.Split(c.script, "|") {
					s.give(what)
				}
				if got := s.sent(); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
				o := s.r.cur.offset()
				if o.pos != uint64(s.pos) || o.event != 0 {
					t.Errorf("the offset is %+v, want position %d", o, s.pos)
				}
				n := s.count.counts
				if n["transactions_committed"] != c.commits || n["transactions_rolled_back"] != c.rolledBk || n["transactions_not_well_formed"] != malformed {
					t.Errorf("counted %v", n)
				}
			})
		}
	}
}

// TestLookAheadOffsets: while a transaction is held the offset is that before it; afterwards the records have those they have without a
// buffer.
func TestLookAheadOffsets(t *testing.T) {
	offsets := func(size string) string {
		s := newScripted(t, config.Props{"topic.prefix": "p", "binlog.buffer.size": size})
		before := string(s.r.cur.offset().AppendJSON(nil))
		for _, what := range []string{"BEGIN", "map", "row 1", "row 2"} {
			s.give(what)
			if got := string(s.r.cur.offset().AppendJSON(nil)); size != "0" && got != before {
				t.Errorf("while %s is held: %s, want %s", what, got, before)
			}
		}
		s.give("XID")
		if n := s.count.counts["transactions_large"]; (n == 1) != (size == "2") {
			t.Errorf("%d large transactions, size %s", n, size)
		}
		var out []string
		batch, err := s.r.q.take(t.Context(), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range batch {
			out = append(out, string(rec.Position.Offset.AppendJSON(nil)))
		}
		return strings.Join(out, "\n")
	}
	want := offsets("0")
	for _, size := range []string{"2", "1000"} {
		if got := offsets(size); got != want {
			t.Errorf("size %s:\n%s\nwant\n%s", size, got, want)
		}
	}
}

package cdc

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
)

// TestOffsetGolden reads the offsets Debezium stored and wants them back byte by byte.
func TestOffsetGolden(t *testing.T) {
	n := 0
	for _, file := range []string{"connect-offsets.jsonl", "eos-connect-offsets.jsonl"} {
		for _, r := range goldenRecords(t, file) {
			if r.Payload == nil || !strings.Contains(*r.Payload, `"file"`) || strings.Contains(*r.Key, "fs-src") {
				continue
			}
			n++
			o, other, err := parseOffset(json.RawMessage(*r.Payload))
			if err != nil {
				t.Fatal(err)
			}
			want := *r.Payload
			if len(other) > 0 { // transaction metadata is not written yet
				if !slices.Contains(other, "transaction_id") {
					t.Errorf("unknown keys %v in %s", other, want)
				}
				continue
			}
			if got := string(o.AppendJSON(nil)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			var key []json.RawMessage
			if err := json.Unmarshal([]byte(*r.Key), &key); err != nil {
				t.Fatal(err)
			}
			var p map[string]string
			_ = json.Unmarshal(key[1], &p)
			if got := string(sourcePartition(p["server"]).JSON()); got != string(key[1]) {
				t.Errorf("partition %s, want %s", got, key[1])
			}
		}
	}
	if n < 6 {
		t.Errorf("only %d golden offsets", n)
	}
}

func TestParseOffset(t *testing.T) {
	for _, x := range []struct {
		doc     string
		want    offset
		running bool
		err     string
	}{
		{doc: `{"file":"a.1","pos":4,"snapshot":true}`, want: offset{file: "a.1", pos: 4, snapshot: "true"}, running: true},
		{doc: `{"file":"a.1","pos":4,"snapshot":"INITIAL","snapshot_completed":false}`, want: offset{file: "a.1", pos: 4, snapshot: "INITIAL"}, running: true},
		{doc: `{"file":"a.1","pos":4,"snapshot":"INITIAL","snapshot_completed":true}`, want: offset{file: "a.1", pos: 4, snapshot: "INITIAL", completed: true}},
		{doc: `{"file":"a.1","pos":"4","snapshot":false,"gtids":"u:1,\nv:2"}`, want: offset{file: "a.1", pos: 4, gtids: "u:1,v:2"}},
		{doc: `{"file":"a.1","pos":4,"event":3,"row":2,"server_id":9,"ts_sec":7}`, want: offset{file: "a.1", pos: 4, event: 3, row: 2, serverID: 9, tsSec: 7}},
		{doc: `{"file":"a.1","pos":-4}`, err: "pos is not a number"},
		{doc: `{"pos":4}`, err: "neither file nor gtids"},
		{doc: `[1]`, err: "reading source offset [1]"},
	} {
		o, _, err := parseOffset(json.RawMessage(x.doc))
		if x.err != "" {
			if err == nil || !strings.Contains(err.Error(), x.err) {
				t.Errorf("%s: error %v, want %s", x.doc, err, x.err)
			}
			continue
		}
		if err != nil || *o != x.want || o.running() != x.running {
			t.Errorf("%s: %+v running %v, %v", x.doc, o, o.running(), err)
		}
	}
}

func FuzzOffset(f *testing.F) {
	f.Add(`{"ts_sec":1,"file":"mysql-bin.000001","pos":9528,"gtids":"33db946c-e6aa-11f1-825e-02fc00000001:1-17","row":1,"server_id":3,"event":2}`)
	f.Add(`{"file":"ü\"\\","pos":1,"snapshot":"INITIAL"}`)
	f.Fuzz(func(t *testing.T, doc string) {
		o, _, err := parseOffset(json.RawMessage(doc))
		if err != nil {
			return
		}
		o.completed = false
		again, other, err := parseOffset(o.AppendJSON(nil))
		if err != nil || len(other) > 0 || *again != *o {
			t.Fatalf("%s: %+v came back as %+v, %v", doc, o, again, err)
		}
	})
}

func TestGTIDSet(t *testing.T) {
	const a, b = "33db946c-e6aa-11f1-825e-02fc00000001", "33db946c-e6aa-11f1-825e-02fc00000002"
	for in, want := range map[string]string{
		"":                                  "",
		a + ":1-17":                         a + ":1-17",
		" " + strings.ToUpper(a) + ":1-3:5": a + ":1-3:5",
		a + ":5:1-3:4":                      a + ":1-5",
		a + ":1-2,\n" + b + ":7-9":          a + ":1-2," + b + ":7-9",
		a + ":1-2:tag:4-5:6":                a + ":1-2:tag:4-6",
		a + ":tag:4":                        a + ":tag:4",
	} {
		g, err := parseGTIDSet(in)
		if err != nil || g.String() != want {
			t.Errorf("%q: %v, %v, want %s", in, g, err, want)
		}
	}
	for _, bad := range []string{"x:1", a, a + ":", a + ":0", a + ":3-2", a + ":1-2:!", "33db946c:1"} {
		if g, err := parseGTIDSet(bad); err == nil {
			t.Errorf("%q was read as %s", bad, g)
		}
	}
	g, _ := parseGTIDSet(a + ":1-5," + b + ":1")
	g.add(a, "", 6)
	g.add(a, "", 9)
	g.add(a, "", 8)
	g.add(a, "t", 1)
	if got, want := g.String(), a+":1-6:8-9:t:1,"+b+":1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzGTIDSet(f *testing.F) {
	f.Add("33db946c-e6aa-11f1-825e-02fc00000001:1-17:19:tag:3,33db946c-e6aa-11f1-825e-02fc00000002:1")
	f.Add("0-1-7,1-22-9223372036854775807,0-2-5")
	f.Fuzz(func(t *testing.T, s string) {
		g, err := parseGTIDSet(s)
		if err != nil {
			return
		}
		again, err := parseGTIDSet(g.String())
		if err != nil || again.String() != g.String() {
			t.Fatalf("%q: %s came back as %v, %v", s, g, again, err)
		}
	})
}

// TestCursor follows two transactions by Debezium's restart rule.
func TestCursor(t *testing.T) {
	const u = "33db946c-e6aa-11f1-825e-02fc00000001"
	c, err := cursorAt(&offset{file: "f.1", pos: 100, gtids: u + ":1-17"}, true, false)
	if err != nil {
		t.Fatal(err)
	}
	want := func(doc string) {
		t.Helper()
		if got := string(c.offset().AppendJSON(nil)); got != doc {
			t.Errorf("offset %s\nwant   %s", got, doc)
		}
	}
	c.event(3, 100, 180) // GTID
	c.startGTID(u, "", 18, u+":18")
	c.completed()
	want(`{"file":"f.1","pos":180,"gtids":"` + u + `:1-17","server_id":3}`)
	c.event(3, 180, 260) // BEGIN
	c.begin(7)
	c.completed()
	c.event(3, 260, 300) // table map
	c.completed()
	want(`{"file":"f.1","pos":180,"gtids":"` + u + `:1-17","server_id":3,"event":2}`)
	c.event(3, 300, 400) // rows
	c.completed()
	want(`{"file":"f.1","pos":180,"gtids":"` + u + `:1-17","server_id":3,"event":3}`)
	c.event(3, 400, 431) // XID
	c.commit()
	want(`{"file":"f.1","pos":431,"gtids":"` + u + `:1-18","server_id":3}`)

	// After a restart in the middle of it: BEGIN and the table map are passed over, then a row.
	c, err = cursorAt(&offset{file: "f.1", pos: 180, gtids: u + ":1-17", event: 2, row: 1}, true, false)
	if err != nil {
		t.Fatal(err)
	}
	c.rotate("f.1", 4)
	c.event(3, 100, 180)
	c.startGTID(u, "", 18, u+":18")
	c.completed()
	if c.skipping {
		t.Error("skipping before BEGIN")
	}
	c.event(3, 180, 260)
	c.begin(7)
	c.completed()
	if !c.skipping {
		t.Error("not skipping the table map")
	}
	c.event(3, 260, 300)
	c.completed()
	if c.skipping || c.skipRows != 1 {
		t.Errorf("skipping %v, rows %d; want the first row only", c.skipping, c.skipRows)
	}
}

func TestNames(t *testing.T) {
	n := names{prefix: "p", delimiter: ".", heartbeatPrefix: "__debezium-heartbeat"}
	for id, want := range map[history.TableID]string{
		{DB: "db", Name: "t"}:      "p.db.t",
		{DB: "db", Name: "a b$ü"}:  "p.db.a_b__",
		{DB: "db", Name: "日本語表"}:   "p.db.____",
		{DB: "d-b", Name: "T_1.x"}: "p.d-b.T_1.x",
		{DB: "db", Name: "x😀"}:     "p.db.x__",
	} {
		if got := n.table(id); got != want {
			t.Errorf("%v: %s, want %s", id, got, want)
		}
	}
	if got := n.heartbeat(); got != "__debezium-heartbeat.p" {
		t.Error(got)
	}
	if got := adjuster("avro", true)("1a-b.c"); got != "_1a_b.c" {
		t.Error(got)
	}
	if got := adjuster("avro_unicode", false)("a-b"); got != "a_u002db" {
		t.Error(got)
	}
}

// base is the smallest valid config.
func base(more config.Props) config.Props {
	p := config.Props{"topic.prefix": "p", "database.hostname": "h", "database.user": "u", "database.server.id": "1", "schema.history.internal.kafka.topic": "h"}
	for k, v := range more {
		p[k] = v
	}
	return p
}

func TestFilters(t *testing.T) {
	for _, x := range []struct {
		props config.Props
		in    string
		out   string
	}{
		{config.Props{}, "a.b c.d", "mysql.user sys.x performance_schema.y information_schema.z"},
		{config.Props{"database.include.list": "shop, x.*"}, "shop.t SHOP.t xyz.t", "ashop.t shops.t"},
		{config.Props{"database.exclude.list": "shop"}, "a.b", "shop.t"},
		{config.Props{"table.include.list": `shop\.a,shop.b.*`}, "shop.a Shop.A shop.bcd", "shop.c xshop.a shop.ab"},
		{config.Props{"database.include.list": "shop", "table.exclude.list": "shop.secret"}, "shop.a", "shop.secret other.a"},
		{config.Props{"table.whitelist": "shop.a"}, "shop.a", "shop.b"},
		{config.Props{"table.ignore.builtin": "false"}, "mysql.user", ""},
	} {
		f, err := filtersOf(parseConfig(t, base(x.props)))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range strings.Fields(x.in) {
			db, name, _ := strings.Cut(s, ".")
			if !f.table(history.TableID{DB: db, Name: name}) {
				t.Errorf("%v leaves out %s", x.props, s)
			}
		}
		for _, s := range strings.Fields(x.out) {
			db, name, _ := strings.Cut(s, ".")
			if f.table(history.TableID{DB: db, Name: name}) {
				t.Errorf("%v lets in %s", x.props, s)
			}
		}
	}
	signals, _ := filtersOf(parseConfig(t, base(config.Props{"signal.data.collection": "shop.Sig, shop.more"})))
	for name, want := range map[string]bool{"sig": false, "more": true, "t": true} {
		if signals.snapshot(history.TableID{DB: "shop", Name: name}) != want {
			t.Errorf("the snapshot reads %s: %v", name, !want)
		}
	}
	f, _ := filtersOf(parseConfig(t, base(config.Props{"column.exclude.list": `shop.t.secret`})))
	if id := (history.TableID{DB: "shop", Name: "t"}); f.column(id, "secret") || !f.column(id, "open") {
		t.Error("column.exclude.list")
	}
}

func TestStaticProblems(t *testing.T) {
	if ps := staticProblems(parseConfig(t, base(nil))); len(ps) > 0 {
		t.Fatalf("the base config has problems %v", ps)
	}
	for _, x := range []struct {
		props config.Props
		drop  string
		key   string
		text  string
	}{
		{drop: "topic.prefix", key: "topic.prefix", text: "The 'topic.prefix' value is invalid: A value is required"},
		{drop: "database.hostname", key: "database.hostname", text: "The 'database.hostname' value is invalid: A value is required"},
		{drop: "database.user", key: "database.user", text: "The 'database.user' value is invalid: A value is required"},
		{drop: "database.server.id", key: "database.server.id", text: "The 'database.server.id' value is invalid: A value is required"},
		{drop: "schema.history.internal.kafka.topic", key: "schema.history.internal.kafka.topic", text: "A value is required"},
		{props: config.Props{"topic.prefix": "a b"}, key: "topic.prefix", text: "invalid format"},
		{props: config.Props{"table.include.list": "a.b", "table.exclude.list": "c.d"}, key: "table.exclude.list", text: "already specified"},
		{props: config.Props{"table.include.list": "a.(?!b)"}, key: "table.include.list", text: "regular expression"},
		{props: config.Props{"max.queue.size": "10", "max.batch.size": "10"}, key: "max.queue.size", text: "larger than the maximum batch size"},
		{props: config.Props{"max.queue.size.in.bytes": "-1"}, key: "max.queue.size.in.bytes", text: "non-negative"},
		{props: config.Props{"snapshot.mode": "custom"}, key: "snapshot.mode", text: "configuration_based"},
		{props: config.Props{"snapshot.mode": "configuration_based"}, key: "snapshot.mode", text: "does nothing"},
		{props: config.Props{"snapshot.locking.mode": "custom"}, key: "snapshot.locking.mode", text: "use minimal"},
		{props: config.Props{"snapshot.query.mode": "custom"}, key: "snapshot.query.mode", text: "select.statement.overrides"},
		{props: config.Props{"binlog.buffer.size": "-1"}, key: "binlog.buffer.size", text: "non-negative"},
		{props: config.Props{"snapshot.max.threads": "0"}, key: "snapshot.max.threads", text: "positive"},
		{props: config.Props{"signal.enabled.channels": "source,pigeon"}, key: "signal.enabled.channels", text: "pigeon"},
		{props: config.Props{"signal.enabled.channels": "kafka"}, key: "signal.kafka.bootstrap.servers", text: "required"},
		{props: config.Props{"notification.enabled.channels": "sink"}, key: "notification.sink.topic.name", text: "must be provided"},
		{props: config.Props{"gtid.source.includes": "a", "gtid.source.excludes": "b"}, key: "gtid.source.excludes", text: "already specified"},
		{props: config.Props{"signal.data.collection": "b"}, key: "signal.data.collection", text: "database.table"},
		{props: config.Props{"column.mask.hash.CRC.with.salt.x": "a.b.c"}, key: "column.mask.hash.CRC.with.salt.[hidden]", text: "no hash algorithm"},
		{props: config.Props{"column.mask.hash.SHA-256.x": "a.b.c"}, key: "column.mask.hash.SHA-256.x", text: "none of the forms"},
		{props: config.Props{"converters": "a"}, key: "a.type", text: "missing"},
		{props: config.Props{"converters": "a", "a.type": "com.example.Own"}, key: "a.type", text: "com.example.Own is no converter"},
		{props: config.Props{"converters": "a", "a.type": "io.debezium.connector.binlog.converters.ZeroDateFallbackConverter", "a.fallback.date": "never"}, key: "a.fallback.date", text: `"never"`},
		{props: config.Props{"skipped.operations": "x"}, key: "skipped.operations", text: "none of"},
		{props: config.Props{"message.key.columns": "nonsense"}, key: "message.key.columns", text: "form"},
	} {
		p := base(x.props)
		delete(p, x.drop)
		ps := staticProblems(parseConfig(t, p))
		if len(ps) != 1 || ps[0].Key != x.key || !strings.Contains(ps[0].Message, x.text) {
			t.Errorf("%v without %q: problems %v, want %s: %s", x.props, x.drop, ps, x.key, x.text)
		}
	}
}

func TestOldNames(t *testing.T) {
	v := parseConfig(t, config.Props{"database.server.name": "p", "database.hostname": "h", "database.user": "u", "database.server.id": "1",
		"database.history.kafka.topic": "h", "database.history.kafka.bootstrap.servers": "k:1", "database.history.producer.security.protocol": "SSL",
		"snapshot.mode": "schema_only"})
	s, err := settingsOf(v)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Props{"bootstrap.servers": "k:1", "security.protocol": "SSL"}
	if s.prefix != "p" || s.history.topic != "h" || !reflect.DeepEqual(s.history.client, want) || s.snapshot.data || !s.snapshot.stream {
		t.Errorf("%+v", s)
	}
	if len(v.Warnings()) < 3 || len(v.Unknown()) > 0 {
		t.Errorf("warnings %v, unknown %v", v.Warnings(), v.Unknown())
	}
}

func TestLeadingWords(t *testing.T) {
	for sql, want := range map[string][2]string{
		"BEGIN":                               {"BEGIN", ""},
		"/* app */ insert into t values (1)":  {"INSERT", "INTO"},
		"-- x\n# y\n  Create TABLE t (i int)": {"CREATE", "TABLE"},
		"/*!50100 x */ y":                     {"", ""},
		"ROLLBACK TO `sp`":                    {"ROLLBACK", "TO"},
		"XA START X'01'":                      {"XA", "START"},
		"/* open":                             {"", ""},
		"":                                    {"", ""},
	} {
		if a, b := leadingWords(sql); a != want[0] || b != want[1] {
			t.Errorf("%q: %s %s, want %v", sql, a, b, want)
		}
	}
}

// TestEnvelopeSchemas wants the schemas of a table's records as Debezium wrote them, without a server.
func TestEnvelopeSchemas(t *testing.T) {
	def := "CREATE TABLE `customers` (\n  `id` int NOT NULL AUTO_INCREMENT,\n  `first_name` varchar(255) NOT NULL,\n  `last_name` varchar(255) NOT NULL,\n" +
		"  `email` varchar(255) NOT NULL,\n  PRIMARY KEY (`id`),\n  UNIQUE KEY `email` (`email`)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
	m := history.NewModel(0)
	table, err := history.NewParser().FromShowCreate(m, "inventory", def)
	if err != nil {
		t.Fatal(err)
	}
	m.Put(table)
	set, err := settingsOf(parseConfig(t, base(config.Props{"topic.prefix": "dbserver1"})))
	if err != nil {
		t.Fatal(err)
	}
	info, err := newTables(set, m).info(table.ID)
	if err != nil {
		t.Fatal(err)
	}
	golden := goldenRecords(t, "dbserver1.inventory.customers.jsonl")[0]
	check := func(what string, s *data.Schema, text string) {
		want := parseGolden(t, text).(map[string]any)["schema"]
		got := renderSchema(s, "")
		if !reflect.DeepEqual(any(got), want) {
			g, _ := json.Marshal(got)
			w, _ := json.Marshal(want)
			t.Errorf("%s schema\n got %s\nwant %s", what, g, w)
		}
	}
	check("key", info.codec.KeySchema(), *golden.Key)
	check("value", info.envelope, *golden.Payload)
	change := goldenRecords(t, "dbserver1.jsonl")[0]
	check("schema change key", mysqlFlavor.schemaChangeKey, *change.Key)
	check("schema change value", mysqlFlavor.schemaChange, *change.Payload)
	beat := goldenRecords(t, "__debezium-heartbeat.eosdb.jsonl")[0]
	check("heartbeat key", heartbeatKey, *beat.Key)
	check("heartbeat value", heartbeatValue, *beat.Payload)
}

// TestChangedKey wants only the last record of a changed primary key to carry the offset behind the row.
func TestChangedKey(t *testing.T) {
	m := history.NewModel(0)
	table, err := history.NewParser().FromShowCreate(m, "d", "CREATE TABLE `t` (`id` int NOT NULL, PRIMARY KEY (`id`))")
	if err != nil {
		t.Fatal(err)
	}
	m.Put(table)
	set, err := settingsOf(parseConfig(t, base(nil)))
	if err != nil {
		t.Fatal(err)
	}
	info, err := newTables(set, m).info(table.ID)
	if err != nil {
		t.Fatal(err)
	}
	q := newQueue(8, 8, 0)
	w := newWriter(set, 0, time.Now)
	if err := q.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	b, err := q.batch(t.Context(), recordsPerRow)
	if err != nil {
		t.Fatal(err)
	}
	value := func(id int32) row.Row {
		s := data.NewStruct(info.codec.ValueSchema())
		s.Set(0, data.Int32(id))
		return row.Row{Value: s}
	}
	from, done := &offset{file: "f", pos: 1}, &offset{file: "f", pos: 2}
	w.change(q, b, info, &origin{snapshot: snapshotFalse, file: data.String("f")}, opUpdate, value(1), value(2), from, done, 10)
	q.end()
	out, err := q.take(t.Context(), time.Second, 0)
	if err != nil || len(out) != 3 {
		t.Fatalf("%d records, %v", len(out), err)
	}
	if out[0].Position.Offset != connect.SourceOffset(from) || out[1].Position.Offset != connect.SourceOffset(from) || out[2].Position.Offset != connect.SourceOffset(done) {
		t.Error("offsets of a changed key")
	}
	if out[1].Value.Schema != nil || !out[1].Value.Value.IsNull() || out[0].Headers[0].Key != headerNewKey || out[2].Headers[0].Key != headerOldKey {
		t.Error("tombstone and headers of a changed key")
	}
}

// TestQueueOfLargeRows: rows of a quarter of a megabyte fill a batch and the queue long before they are as many as are allowed.
func TestQueueOfLargeRows(t *testing.T) {
	q := newQueue(2048, 8192, 0)
	const size = 256 << 10
	n := 0
	for ; n < 8192; n++ {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // a wait fails
		if err := q.begin(ctx); err != nil {
			break
		}
		b, err := q.batch(ctx, 1)
		if err != nil {
			break
		}
		q.add(b, connect.SourceRecord{Record: connect.Record{Offset: int64(n)}}, size)
		q.end()
	}
	if n != queueBytes/size {
		t.Errorf("the queue took %d rows of %d bytes", n, size)
	}
	for at := 0; at < n; {
		out, err := q.take(t.Context(), time.Second, 0)
		if err != nil || len(out) == 0 || len(out) > batchBytes/size || out[0].Offset != int64(at) {
			t.Fatalf("batch at %d: %d records, %v", at, len(out), err)
		}
		at += len(out)
	}
}

// TestQueue wants bounded memory, order, and nothing held back.
func TestQueue(t *testing.T) {
	q := newQueue(4, 8, 0)
	put := func(ctx context.Context, n int) error {
		if err := q.begin(ctx); err != nil {
			return err
		}
		b, err := q.batch(ctx, 1)
		if err != nil {
			return err
		}
		q.add(b, connect.SourceRecord{Record: connect.Record{Offset: int64(n)}}, 100)
		q.end()
		return nil
	}
	for n := range 8 {
		if err := put(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	full, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	if err := put(full, 8); err == nil {
		t.Error("a full queue took a ninth record")
	}
	cancel()
	next := int64(0)
	for q.backlog() > 0 {
		out, err := q.take(t.Context(), time.Second, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out {
			if r.Offset != next {
				t.Fatalf("record %d, want %d", r.Offset, next)
			}
			next++
		}
		q.recycle(out)
	}
	if next != 8 {
		t.Errorf("%d records", next)
	}
	began := time.Now()
	if err := put(t.Context(), 8); err != nil {
		t.Fatal(err)
	}
	if out, _ := q.take(t.Context(), time.Minute, 0); len(out) != 1 || time.Since(began) > 10*time.Second {
		t.Errorf("%d records after %s", len(out), time.Since(began))
	}
	q.fail(context.DeadlineExceeded)
	if _, err := q.take(t.Context(), time.Minute, 0); err == nil {
		t.Error("the reader's error was not given out")
	}
}

func FuzzRowsEvent(f *testing.F) {
	f.Add(uint8(replication.WRITE_ROWS_EVENTv2), []byte("\x01\x00\x00\x00\x00\x00\x01\x00\x02\x00\x02\xff\x00rows"))
	f.Add(uint8(replication.UPDATE_ROWS_EVENTv1), []byte("\x01\x00\x00\x00\x00\x00\x01\x00\x09\xff\x01\xff\x01rows"))
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		e, err := parseRows(replication.EventType(kind), b)
		if err == nil && len(e.images) > len(b) {
			t.Fatal("more rows than bytes")
		}
		_, _ = decompress(b)
	})
}

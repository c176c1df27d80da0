package cdc

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connectors/mysql/history"
)

// minimal is the least config.
func minimal(more config.Props) config.Props {
	p := config.Props{"topic.prefix": "p", "database.hostname": "h", "database.user": "u", "database.server.id": "1",
		"schema.history.internal.kafka.topic": "history"}
	for k, v := range more {
		p[k] = v
	}
	return p
}

// TestEveryKey holds the list of Debezium's keys against what is declared: a key that nobody knows would be passed over in silence.
func TestEveryKey(t *testing.T) {
	framework := []string{"name", "connector.class", "tasks.max"}
	names := map[string]bool{}
	for _, d := range Def.Keys() {
		names[d.Name] = true
		for _, a := range d.Aliases {
			names[a] = true
		}
	}
	b, err := os.ReadFile("testdata/keys.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for name := range strings.FieldsSeq(string(b)) {
		n++
		if names[name] || contains(framework, name) {
			continue
		}
		v := parseConfig(t, config.Props{strings.NewReplacer("*", "x", ".N.", ".5.", "ALGO", "SHA-256", "SALT", "s").Replace(name): "x"})
		if len(v.Unknown()) > 0 {
			t.Errorf("%s is declared nowhere", name)
		}
	}
	if n < 160 {
		t.Errorf("only %d keys in the list", n)
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func TestNotesOfKeys(t *testing.T) {
	for _, k := range inertKeys {
		if d, ok := Def.Key(k.Name()); !ok || !strings.HasPrefix(d.Documentation, "No effect: ") {
			t.Errorf("%s: its description does not say that it has no effect: %s", k.Name(), d.Documentation)
		}
	}
	for _, d := range Def.Keys() {
		if strings.HasPrefix(d.Documentation, "No effect") && !inert(d.Name) {
			t.Errorf("%s is said to have no effect, and nothing is logged", d.Name)
		}
	}
	var out bytes.Buffer
	noteKeys(slog.New(slog.NewTextHandler(&out, nil)), parseConfig(t, minimal(config.Props{"database.protocol": "jdbc:other", "snapshot.fetch.size": "10",
		"database.serverTimezone": "UTC", "driver.x": "1", "database.history.producer.acks": "all", "ddl.parser.type": "DEFAULT", "gtid.new.channel.position": "latest",
		"sanitize.field.names": "true", "database.server.name": "old"})))
	for _, want := range []string{"key=database.protocol", "key=snapshot.fetch.size", "key=database.serverTimezone", "key=driver.x", "key=gtid.new.channel.position",
		"sanitize.field.names is deprecated"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
	for _, not := range []string{"ddl.parser.type", "database.history", "key=database.hostname"} {
		if strings.Contains(out.String(), not) {
			t.Errorf("%s is noted:\n%s", not, out.String())
		}
	}
	set, err := settingsOf(parseConfig(t, minimal(config.Props{"sanitize.field.names": "true", "snapshot.new.tables": "parallel",
		"event.deserialization.failure.handling.mode": "Warn", "poll.interval.ms": "20"})))
	if err != nil || set.row.FieldName == nil || set.row.FieldName("a-b") != "a_b" || !set.newTables || set.undecodable != "warn" || set.pollWait != 20*time.Millisecond {
		t.Errorf("%+v, %v", set, err)
	}
}

func inert(name string) bool {
	for _, k := range inertKeys {
		if k.Name() == name {
			return true
		}
	}
	return false
}

// TestClasses holds what names a Java class against what can be used.
func TestClasses(t *testing.T) {
	for _, x := range []struct {
		props config.Props
		err   string
	}{
		{props: config.Props{"schema.history.internal": "io.debezium.storage.redis.history.RedisSchemaHistory"}, err: "FileSchemaHistory"},
		{props: config.Props{"schema.history.internal": "io.debezium.storage.file.history.FileSchemaHistory"}, err: "schema.history.internal.file.filename"},
		{props: config.Props{"schema.history.internal": "io.debezium.storage.file.history.FileSchemaHistory", "schema.history.internal.file.filename": "f"}},
		{props: config.Props{"schema.history.internal": "io.debezium.relational.history.MemorySchemaHistory"}},
		{props: config.Props{"sourceinfo.struct.maker": "io.debezium.connector.mariadb.MariaDbSourceInfoStructMaker"}},
		{props: config.Props{"sourceinfo.struct.maker": "com.example.Mine"}, err: "sourceinfo.struct.maker"},
		{props: config.Props{"transaction.metadata.factory": "com.example.Mine"}, err: "transaction.metadata.factory"},
		{props: config.Props{"source.struct.version": "v1"}, err: "source.struct.version"},
		{props: config.Props{"topic.naming.strategy": "com.example.Mine"}, err: "topic.naming.strategy"},
		{props: config.Props{"topic.naming.strategy": "io.debezium.schema.DefaultRegexTopicNamingStrategy"}, err: "topic.regex"},
		{props: config.Props{"topic.naming.strategy": "io.debezium.schema.DefaultRegexTopicNamingStrategy", "topic.regex": "(a", "topic.replacement": "b"}, err: "topic.regex"},
		{props: config.Props{"topic.naming.strategy": "io.debezium.schema.DefaultRegexTopicNamingStrategy", "topic.regex": "a"}, err: "topic.replacement must be non-empty if topic.regex is set."},
		{props: config.Props{"topic.naming.strategy": "io.debezium.schema.DefaultRegexTopicNamingStrategy", "topic.regex": "a", "topic.replacement": "$1"}, err: "group"},
		{props: config.Props{"openlineage.integration.enabled": "true", "queue.provider.type": "chronicle", "event.converting.failure.handling.mode": "skip",
			"resolve.create.table.like.schema": "true"}},
	} {
		_, err := settingsOf(parseConfig(t, minimal(x.props)))
		if (err != nil) != (x.err != "") || err != nil && !strings.Contains(err.Error(), x.err) {
			t.Errorf("%v: %v, want %s", x.props, err, x.err)
		}
	}
	if _, err := MariaDB.Config.Parse(minimal(config.Props{"snapshot.locking.mode": "minimal_at_least_once"})); err != nil {
		t.Error(err)
	}
	if d, _ := MariaDB.Config.Key("sourceinfo.struct.maker"); d.Default == nil || *d.Default != mariadbStructMaker {
		t.Errorf("MariaDB's sourceinfo.struct.maker is %v", d.Default)
	}
}

func TestTopicNamingStrategies(t *testing.T) {
	const pkg = "io.debezium.schema."
	regex := config.Props{"topic.regex": `(.*)\.shard_\d+\.(?<t>.*)`, "topic.replacement": `$1.all\$.${t}`}
	for _, x := range []struct {
		class, db, table, topic, key string
		more                         config.Props
	}{
		{class: "SchemaTopicNamingStrategy", db: "d", table: "ta ble", topic: "p.ta_ble"},
		{db: "d", table: "ta ble", topic: "p.d.ta_ble"},
		{class: "DefaultTopicNamingStrategy", db: "d", table: "𝄞", topic: "p.d.__"},
		{class: "DefaultTopicNamingStrategy", db: "d", table: strings.Repeat("x", 300), topic: "p.d." + strings.Repeat("x", 245)},
		{class: "SchemaUnicodeTopicNamingStrategy", db: "d_b", table: "ü€𝄞\t", topic: "p._u00fc_u20ac_ud834_udd1e_u009"},
		{class: "DefaultUnicodeTopicNamingStrategy", db: "d_b", table: "ü€𝄞\t", topic: "p.d_u005fb._u00fc_u20ac_ud834_udd1e_u009"},
		{class: "DefaultUnicodeTopicNamingStrategy", db: "d", table: "t", topic: "p.d.t"},
		{class: "SchemaRegexTopicNamingStrategy", db: "shard_1", table: "t", topic: "p.t", key: "p.t", more: regex},
		{class: "DefaultRegexTopicNamingStrategy", db: "shard_1", table: "t", topic: "p.all$.t", key: "p.shard_1.t", more: regex},
		{class: "DefaultRegexTopicNamingStrategy", db: "other", table: "t-ü", topic: "p.other.t-_", key: "p.other.t-ü", more: regex},
		{class: "DefaultRegexTopicNamingStrategy", db: "shard_7", table: "t", topic: "p.all$.t", key: "7", more: config.Props{"topic.regex": regex["topic.regex"],
			"topic.replacement": regex["topic.replacement"], "topic.key.field.regex": `.*_(\d)(\..*)`, "topic.key.field.replacement": "$1"}},
	} {
		p := minimal(x.more)
		if x.class != "" {
			p["topic.naming.strategy"] = pkg + x.class
		}
		set, err := settingsOf(parseConfig(t, p))
		if err != nil {
			t.Errorf("%s: %v", x.class, err)
			continue
		}
		m := history.NewModel(0)
		id := history.TableID{DB: x.db, Name: x.table}
		m.Put(&history.Table{ID: id})
		info, err := newTables(set, m).info(id)
		if err != nil || info.topic != x.topic {
			t.Errorf("%s: %+v, %v, want %s", x.class, info, err, x.topic)
			continue
		}
		schema := info.codec.KeySchema()
		if (schema != nil) != (x.key != "") || schema != nil && (schema.Fields()[0].Name != "__dbz__physicalTableIdentifier" || schema.Name() != x.topic+".Key") {
			t.Errorf("%s: key schema %v", x.class, schema)
		}
		if schema != nil && set.names.regex.table(set.names.original(id)) != x.key {
			t.Errorf("%s: %s in the key, want %s", x.class, set.names.regex.table(set.names.original(id)), x.key)
		}
	}
}

func TestHistoryInAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "history.dat")
	set, err := settingsOf(parseConfig(t, minimal(config.Props{"schema.history.internal": "io.debezium.storage.file.history.FileSchemaHistory",
		"schema.history.internal.file.filename": path})))
	if err != nil {
		t.Fatal(err)
	}
	read := func(l connect.TopicLog) (all string) {
		t.Helper()
		if err := l.ReadToEnd(t.Context(), func(_, value []byte) error { all += string(value) + "|"; return nil }); err != nil {
			t.Fatal(err)
		}
		return all
	}
	for i, want := range []string{"", "{\"a\":1}|{\"a\":2}|", "{\"a\":1}|{\"a\":2}|{\"a\":1}|{\"a\":2}|"} {
		l, err := openHistory(t.Context(), set, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(l); got != want {
			t.Errorf("start %d: %s, want %s", i, got, want)
		}
		for _, d := range []string{"{\n  \"a\": 1}", `{"a":2}`} {
			if err := l.Append(t.Context(), nil, []byte(d)); err != nil {
				t.Fatal(err)
			}
		}
		read(l)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		b, _ := os.ReadFile(path)
		if err := os.WriteFile(path, append(b, `{"a":`...), 0o644); err != nil { // a write that a crash cut off
			t.Fatal(err)
		}
	}
	set.history.file = t.TempDir()
	if _, err := openHistory(t.Context(), set, nil); err == nil || !strings.Contains(err.Error(), "schema.history.internal.file.filename") {
		t.Errorf("a folder as file: %v", err)
	}
}

func TestLinger(t *testing.T) {
	q := newQueue(2, 8, 0)
	add := func() {
		if err := q.begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer q.end()
		b, err := q.batch(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		q.add(b, connect.SourceRecord{}, 1)
	}
	add()
	began := time.Now()
	if out, err := q.take(t.Context(), time.Minute, 50*time.Millisecond); len(out) != 1 || err != nil || time.Since(began) < 50*time.Millisecond {
		t.Errorf("%d records after %s, %v", len(out), time.Since(began), err)
	}
	for range 3 {
		add()
	}
	if out, err := q.take(t.Context(), time.Minute, time.Minute); len(out) != 2 || err != nil {
		t.Errorf("a full batch: %d records, %v", len(out), err)
	}
	q.fail(os.ErrClosed)
	if out, err := q.take(t.Context(), time.Minute, time.Minute); len(out) != 1 || err != nil {
		t.Errorf("the last batch: %d records, %v", len(out), err)
	}
}

//go:build integration

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/test/process"
)

// TestBadConfigs: each is a 400 that names the key and the reason.
func TestBadConfigs(t *testing.T) {
	w := newCluster(t, nil).add()
	file := map[string]string{"connector.class": "FileStreamSource", "topic": "t", "file": "/nowhere"}
	with := func(kv ...string) map[string]string {
		m := map[string]string{}
		for k, v := range file {
			m[k] = v
		}
		for i := 0; i < len(kv); i += 2 {
			if kv[i+1] == "-" {
				delete(m, kv[i])
			} else {
				m[kv[i]] = kv[i+1]
			}
		}
		return m
	}
	for name, c := range map[string]struct {
		config map[string]string
		want   []string
	}{
		"unknown class":  {with("connector.class", "com.example.Nope"), []string{"com.example.Nope", "FileStreamSource"}},
		"no class":       {with("connector.class", "-"), []string{"contains no connector type"}},
		"missing key":    {with("topic", "-"), []string{"topic", "Missing required configuration"}},
		"wrong type":     {with("batch.size", "many"), []string{"batch.size", "many", "INT"}},
		"wrong value":    {with("errors.tolerance", "some"), []string{"errors.tolerance", "some"}},
		"unknown SMT":    {with("transforms", "x", "transforms.x.type", "Nope"), []string{"transforms.x.type"}},
		"bad SMT config": {with("transforms", "x", "transforms.x.type", "org.apache.kafka.connect.transforms.RegexRouter"), []string{"regex"}},
		"bad converter":  {with("value.converter", "Nope"), []string{"value.converter"}},
		"mysql, nothing set": {map[string]string{"connector.class": "io.debezium.connector.mysql.MySqlConnector"},
			[]string{"database.hostname", "topic.prefix"}},
		"mysql, wrong password": {map[string]string{
			"connector.class": "io.debezium.connector.mysql.MySqlConnector", "database.hostname": "127.0.0.1",
			"database.port": strings.Split(process.Bed(t, "BED_MYSQL"), ":")[1], "database.user": "connectd", "database.password": "s3cret-wrong",
			"database.server.id": "77", "topic.prefix": "x", "schema.history.internal.kafka.topic": "x-history",
			"schema.history.internal.kafka.bootstrap.servers": process.Bed(t, "BED_KAFKA"),
		}, []string{"Access denied"}},
		"mysql, missing table": {map[string]string{
			"connector.class": "io.debezium.connector.mysql.MySqlConnector", "database.hostname": "127.0.0.1",
			"database.port": strings.Split(process.Bed(t, "BED_MYSQL"), ":")[1], "database.user": "connectd", "database.password": "connectd",
			"database.server.id": "77", "topic.prefix": "x", "schema.history.internal.kafka.topic": "x-history",
			"schema.history.internal.kafka.bootstrap.servers": process.Bed(t, "BED_KAFKA"), "table.include.list": "nowhere.nothing",
		}, []string{"nowhere.nothing"}},
		"elasticsearch away": {map[string]string{
			"connector.class": "io.confluent.connect.elasticsearch.ElasticsearchSinkConnector", "topics": "t", "connection.url": "http://127.0.0.1:1",
		}, []string{"Could not connect to Elasticsearch", "127.0.0.1:1"}},
		"hdfs without address": {map[string]string{
			"connector.class": "io.confluent.connect.hdfs.HdfsSinkConnector", "topics": "t", "flush.size": "3",
		}, []string{"url"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.Do("PUT", "/connectors/bad/config", c.config, nil)
			se, ok := errors.AsType[*process.StatusError](err)
			if !ok || se.Status != 400 {
				t.Fatalf("answer %v; want a 400", err)
			}
			for _, word := range c.want {
				if !strings.Contains(se.Body, word) {
					t.Errorf("the message lacks %q: %s", word, se.Body)
				}
			}
			if strings.Contains(se.Body, "s3cret") {
				t.Errorf("the message shows the password: %s", se.Body)
			}
		})
	}
}

// TestMalformedRecord: the task fails with topic, partition and offset in its trace, and nothing is committed past the record.
func TestMalformedRecord(t *testing.T) {
	c := newCluster(t, nil)
	w := c.add()
	topic := c.group + "-in"
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(process.Bed(t, "BED_KAFKA")))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	if _, err := adm.CreateTopic(ctx, 1, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	for _, v := range []string{`{"a":1}`, `{"a":2}`, `{"a":`, `{"a":4}`} {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "out.txt")
	name := c.group + "-sink"
	w.put(name, map[string]string{"connector.class": "FileStreamSink", "topics": topic, "file": out, "tasks.max": "1"})
	process.Await(t, 30*time.Second, "the task FAILED", func() error {
		s, err := w.Status(name)
		if err != nil {
			return err
		}
		if len(s.Tasks) != 1 || s.Tasks[0].State != "FAILED" {
			return fmt.Errorf("%+v", s)
		}
		for _, word := range []string{topic, "2", "VALUE_CONVERTER"} {
			if !strings.Contains(s.Tasks[0].Trace, word) {
				t.Errorf("the trace lacks %q: %s", word, s.Tasks[0].Trace)
			}
		}
		return nil
	})
	offsets, err := adm.FetchOffsets(ctx, "connect-"+name)
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := offsets.Lookup(topic, 0); ok && o.At > 2 {
		t.Errorf("offset %d was committed past the bad record at 2", o.At)
	}
	if b, err := os.ReadFile(out); err != nil || strings.Contains(string(b), "4") {
		t.Errorf("the file holds what lies behind the bad record: %q, %v", b, err)
	}
	// With errors.tolerance=all and a dead-letter topic it goes on, and the letter has the record's bytes.
	dlq := topic + "-dlq"
	w.put(name, map[string]string{
		"connector.class": "FileStreamSink", "topics": topic, "file": out, "tasks.max": "1", "errors.tolerance": "all",
		"errors.deadletterqueue.topic.name": dlq, "errors.deadletterqueue.topic.replication.factor": "1",
		"errors.deadletterqueue.context.headers.enable": "true",
	})
	process.Await(t, 30*time.Second, "the record behind it written", func() error {
		b, err := os.ReadFile(out)
		if err == nil && !strings.Contains(string(b), "4") {
			err = fmt.Errorf("%q", b)
		}
		return err
	})
	letters := records(t, dlq)
	if len(letters) != 1 || string(letters[0].Value) != `{"a":` {
		t.Errorf("dead letters: %v", letters)
	}
}

//go:build integration

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/test/process"
)

// TestTopicCreation: topics come by the groups of topic.creation (KIP-158), by the broker where there are none, and a topic that cannot be
// created fails the task with the reason.
func TestTopicCreation(t *testing.T) {
	w := newCluster(t, nil).add()
	prefix := process.Unique("tc")
	file := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(file, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	groups := map[string]string{
		"topic.creation.default.partitions": "2", "topic.creation.default.replication.factor": "-1", "topic.creation.groups": "logs,none",
		"topic.creation.logs.include": prefix + "-log.*", "topic.creation.logs.exclude": ".*-logless", "topic.creation.logs.partitions": "3",
		"topic.creation.logs.retention.ms": "123456", "topic.creation.none.include": prefix, // whole names only
		"topic.creation.none.partitions": "7",
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(process.Bed(t, "BED_KAFKA")))
	if err != nil {
		t.Fatal(err)
	}
	adm := kadm.NewClient(cl)
	t.Cleanup(adm.Close)
	if _, err := adm.CreateTopic(t.Context(), 1, 1, nil, prefix+"-log-there"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name       string
		more       map[string]string
		partitions int
		retention  string
	}{
		{"-log-new", groups, 3, "123456"},
		{"-log-there", groups, 1, "-1"}, // stays as it is
		{"-logless", groups, 2, "-1"},
		{"-other", groups, 2, "-1"},
		{"-broker", nil, 1, "-1"},
	} {
		topic := prefix + c.name
		config := map[string]string{"connector.class": "FileStreamSource", "file": file, "topic": topic}
		maps.Copy(config, c.more)
		w.put(topic, config)
		process.Await(t, 30*time.Second, "a record in "+topic, func() error {
			l, err := adm.ListEndOffsets(t.Context(), topic)
			if err == nil {
				err = l.Error()
			}
			n := int64(0)
			l.Each(func(o kadm.ListedOffset) { n += o.Offset })
			if err == nil && n == 0 {
				err = fmt.Errorf("none")
			}
			return err
		})
		d, err := adm.ListTopics(t.Context(), topic)
		if err != nil || len(d[topic].Partitions) != c.partitions {
			t.Errorf("%s has %d partitions, want %d (%v)", topic, len(d[topic].Partitions), c.partitions, err)
		}
		configs, err := adm.DescribeTopicConfigs(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		for _, kv := range configs[0].Configs {
			if kv.Key == "retention.ms" && kv.MaybeValue() != c.retention {
				t.Errorf("%s has retention.ms=%s, want %s", topic, kv.MaybeValue(), c.retention)
			}
		}
	}
	w.put(prefix+"-wide", map[string]string{"connector.class": "FileStreamSource", "file": file, "topic": prefix + "-wide", "errors.restart.enable": "false",
		"topic.creation.default.partitions": "1", "topic.creation.default.replication.factor": "30"})
	process.Await(t, 30*time.Second, "the task that wants 30 brokers to fail", func() error {
		s, err := w.Status(prefix + "-wide")
		if err == nil && (len(s.Tasks) != 1 || s.Tasks[0].State != "FAILED") {
			err = fmt.Errorf("%+v", s)
		}
		if err == nil && !strings.Contains(s.Tasks[0].Trace, "fewer brokers than replication factor 30") {
			t.Errorf("trace %s", s.Tasks[0].Trace)
		}
		return err
	})
}

// TestTopicCreationSwitchedOff: with topic.creation.enable=false the groups have no effect.
func TestTopicCreationSwitchedOff(t *testing.T) {
	w := newCluster(t, map[string]string{"topic.creation.enable": "false"}).add()
	topic := process.Unique("tcoff")
	file := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(file, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.put(topic, map[string]string{"connector.class": "FileStreamSource", "file": file, "topic": topic,
		"topic.creation.default.partitions": "5", "topic.creation.default.replication.factor": "1"})
	cl, err := kgo.NewClient(kgo.SeedBrokers(process.Bed(t, "BED_KAFKA")))
	if err != nil {
		t.Fatal(err)
	}
	adm := kadm.NewClient(cl)
	t.Cleanup(adm.Close)
	process.Await(t, 30*time.Second, "the topic", func() error {
		d, err := adm.ListTopics(t.Context(), topic)
		if err == nil && len(d[topic].Partitions) == 0 {
			err = fmt.Errorf("not there")
		}
		if err == nil && len(d[topic].Partitions) != 1 {
			t.Errorf("%d partitions, want the broker's 1", len(d[topic].Partitions))
		}
		return err
	})
}

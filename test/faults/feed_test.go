//go:build integration

package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/test/process"
)

// feed is a file that grows by numbered lines, and the source connector that reads it.
type feed struct {
	name       string // of connector and topic
	file       string
	partitions int
	lines      atomic.Int64
	seen       atomic.Int64 // highest number in the topic
}

func (s *suite) newFeed(name string, partitions int) *feed {
	f := &feed{name: name, file: s.dir + "/" + name + ".txt", partitions: partitions}
	if err := os.WriteFile(f.file, nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.feeds = append(s.feeds, f)
	s.must("PUT", "/connectors/"+name+"/config", f.config(100))
	s.want(name, "RUNNING", 1)
	return f
}

func (f *feed) config(batch int) map[string]string {
	return map[string]string{
		"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "file": f.file, "topic": f.name, "tasks.max": "1",
		"batch.size": strconv.Itoa(batch), "transforms": "hoist",
		"transforms.hoist.type": "org.apache.kafka.connect.transforms.HoistField$Value", "transforms.hoist.field": "line",
		"topic.creation.default.partitions": strconv.Itoa(f.partitions), "topic.creation.default.replication.factor": "1",
	}
}

// sinkConfig is of a sink of all feeds.
func (s *suite) sinkConfig(sink string, tasks int) map[string]string {
	topics := make([]string, len(s.feeds))
	for i, f := range s.feeds {
		topics[i] = f.name
	}
	isolation := "read_uncommitted"
	if s.once {
		isolation = "read_committed"
	}
	return map[string]string{
		"consumer.override.isolation.level": isolation,
		"connector.class":                   "org.apache.kafka.connect.file.FileStreamSinkConnector", "topics": strings.Join(topics, ","), "file": s.sinkFile(sink), "tasks.max": strconv.Itoa(tasks),
		"consumer.override.auto.offset.reset": "earliest", "consumer.override.session.timeout.ms": "3000", "consumer.override.heartbeat.interval.ms": "500",
		"transforms":         "at",
		"transforms.at.type": "org.apache.kafka.connect.transforms.InsertField$Value", "transforms.at.topic.field": "topic",
		"transforms.at.partition.field": "partition", "transforms.at.offset.field": "offset",
	}
}

// grow appends lines until ctx ends: 1, 2, 3 …
func (f *feed) grow(ctx context.Context, t *testing.T) {
	out, err := os.OpenFile(f.file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Error(err)
		return
	}
	defer out.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := int64(1); ; n += 2 {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := fmt.Fprintf(out, "%d\n%d\n", n, n+1); err != nil {
			t.Error(err)
		}
		f.lines.Store(n + 1)
	}
}

// follow notes the highest number in each feed's topic until ctx ends.
func (s *suite) follow(ctx context.Context) error {
	topics := make([]string, 0, len(s.feeds))
	by := map[string]*feed{}
	for _, f := range s.feeds {
		topics = append(topics, f.name)
		by[f.name] = f
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.kafka), kgo.ConsumeTopics(topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return err
	}
	defer cl.Close()
	for ctx.Err() == nil {
		fs := cl.PollFetches(ctx)
		fs.EachRecord(func(r *kgo.Record) {
			if n, err := line(r); err == nil {
				f := by[r.Topic]
				f.seen.Store(max(f.seen.Load(), n))
			}
		})
	}
	return nil
}

func (s *suite) arrives(f *feed, n int64) {
	s.t.Helper()
	process.Await(s.t, 90*time.Second, fmt.Sprintf("line %d in topic %s", n, f.name), func() error {
		if seen := f.seen.Load(); seen < n {
			return fmt.Errorf("the highest is %d", seen)
		}
		return nil
	})
}

func line(r *kgo.Record) (int64, error) {
	var v struct{ Line string }
	if err := json.Unmarshal(r.Value, &v); err != nil {
		return 0, err
	}
	return strconv.ParseInt(v.Line, 10, 64)
}

// place is where a record stands.
type place struct {
	topic     string
	partition int32
}

// counts are what the end of a run prints.
type counts struct{ lines, records, again, files, fileAgain int }

// account holds topics and files against the lines written. At least once: no line is missing, and in each partition a line comes after a
// higher one only if it comes again. Exactly once: besides, no line is there twice.
func (s *suite) account() {
	s.t.Helper()
	var total counts
	offsets := map[place][]int64{}
	for _, f := range s.feeds {
		last := f.lines.Load()
		times := make([]int, last+1) // a line is there, in any partition
		records := process.Records(s.t, s.kafka, f.name)
		numbers := make([]int64, len(records))
		for i, r := range records {
			n, err := line(r)
			if err != nil || n < 1 || n > last {
				s.t.Fatalf("%s/%d@%d: %q: %v", r.Topic, r.Partition, r.Offset, r.Value, err)
			}
			if times[n]++; times[n] == 2 && s.once {
				s.t.Errorf("%s/%d@%d: line %d comes again", r.Topic, r.Partition, r.Offset, n)
			}
			numbers[i] = n
			at := place{r.Topic, r.Partition}
			offsets[at] = append(offsets[at], r.Offset)
		}
		highest := map[int32]int64{}
		for i, r := range records {
			n, high := numbers[i], highest[r.Partition]
			// A line that comes again may do so in another partition than the first time.
			if n < high && times[n] == 1 || f.partitions == 1 && n > high+1 {
				s.t.Errorf("%s/%d@%d: line %d comes after line %d", r.Topic, r.Partition, r.Offset, n, high)
			}
			highest[r.Partition] = max(high, n)
		}
		missing := 0
		for n := int64(1); n <= last; n++ {
			if times[n] == 0 {
				if missing++; missing <= 10 {
					s.t.Errorf("%s: line %d of %d is lost", f.name, n, last)
				}
			}
		}
		total.lines += int(last)
		total.records += len(records)
		total.again += len(records) - int(last) + missing
	}
	for _, name := range s.sinks {
		n, again := s.accountFile(name, offsets)
		total.files += n
		total.fileAgain += again
	}
	s.t.Logf("counts: %d lines; in topics %d records, %d of them again; in files %d lines, %d of them again",
		total.lines, total.records, total.again, total.files, total.fileAgain)
}

// written is a whole line of a sink's file. A killed worker may leave half of one, which the next write runs into.
var written = regexp.MustCompile(`\{line=\d+, topic=([^,}]+), partition=(\d+), offset=(\d+)\}`)

// accountFile holds a sink's file against the records of its topics: none is missing, and in each partition the first times are in order.
func (s *suite) accountFile(sink string, offsets map[place][]int64) (lines, again int) {
	s.t.Helper()
	got := s.written(sink)
	for at, want := range offsets {
		i := 0
		for _, o := range got[at] {
			if i < len(want) && o == want[i] {
				i++
			} else if i < len(want) && o > want[i] {
				s.t.Errorf("%s: %v: offset %d comes before %d", sink, at, o, want[i])
				break
			}
		}
		if i < len(want) {
			s.t.Errorf("%s: %v: %d records, %d of them in the file in order; offset %d is missing", sink, at, len(want), i, want[i])
		}
		lines += len(got[at])
		again += len(got[at]) - i
	}
	return lines, again
}

// written reads the offsets in a sink's file.
func (s *suite) written(sink string) map[place][]int64 {
	b, err := os.ReadFile(s.sinkFile(sink))
	if err != nil {
		s.t.Fatal(err)
	}
	got := map[place][]int64{}
	for _, m := range written.FindAllSubmatch(b, -1) {
		p, _ := strconv.ParseInt(string(m[2]), 10, 32)
		o, _ := strconv.ParseInt(string(m[3]), 10, 64)
		at := place{string(m[1]), int32(p)}
		got[at] = append(got[at], o)
	}
	return got
}

func (s *suite) sinkFile(sink string) string { return s.dir + "/" + sink + ".out" }

// drained waits until the sinks have the newest record of each partition.
func (s *suite) drained() {
	s.t.Helper()
	ends := map[place]int64{}
	for _, f := range s.feeds {
		for _, r := range process.Records(s.t, s.kafka, f.name) {
			at := place{r.Topic, r.Partition}
			ends[at] = max(ends[at], r.Offset)
		}
	}
	for _, sink := range s.sinks {
		process.Await(s.t, 90*time.Second, "all records in the file of "+sink, func() error {
			have := map[place]int64{}
			for at, os := range s.written(sink) {
				for _, o := range os {
					have[at] = max(have[at], o)
				}
			}
			if !maps.Equal(have, ends) {
				return fmt.Errorf("newest offsets %v, want %v", have, ends)
			}
			return nil
		})
	}
}

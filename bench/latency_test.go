//go:build bench

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/test/process"
)

// latency measures the time from a commit, as its client sees it, until a consumer of the topic has the record, at so many rows a second,
// each in its own transaction. The first seconds count for nothing: that is the JVM's time to warm up.
func latency(rate, seconds int) func(*testing.T, *suite, string) {
	return func(t *testing.T, s *suite, name string) {
		warm := 10
		if s.quick {
			seconds, warm = max(5, seconds/2), 5
		}
		s.workers(t, name, func(t *testing.T, peer string) Run {
			table := s.bed.table(t, narrow, "latency", 0)
			r := s.reader(t, peer, table)
			run := s.rows(t, r, table, rate, rate*warm, rate*seconds)
			r.stopped()
			return run
		})
	}
}

// rows inserts rows at a rate and measures how late the last n of them are; those before warm up.
func (s *suite) rows(t *testing.T, r *reader, table string, rate, warm, n int) Run {
	t.Helper()
	seen := make([]time.Time, warm+n)
	committed := make([]atomic.Int64, warm+n)
	ctx, cancel := context.WithTimeout(t.Context(), ample)
	defer cancel()
	s.bed.exec(t, fmt.Sprintf("INSERT INTO %s.%s VALUES (-1, 0, 'first', '')", database, table))
	process.Await(t, ample, r.name+" streams", func() error { return s.holds(r.topic, 1) })
	done := make(chan error, 1)
	go func() { done <- watch(ctx, s.bed.kafka, r.topic, seen) }()

	before, begin := s.usage(t, r.peer), time.Now()
	var writers sync.WaitGroup
	const parallel = 4
	errs := make(chan error, parallel)
	for w := range parallel {
		writers.Go(func() { errs <- s.bed.pace(ctx, table, begin, rate, w, parallel, committed) })
	}
	writers.Wait()
	for range parallel {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Fatalf("%s: %v: %s", r.name, err, tail(r.log()))
	}
	after := s.usage(t, r.peer)
	late := make([]float64, 0, n)
	for i := warm; i < len(seen); i++ {
		late = append(late, max(0, seen[i].Sub(time.Unix(0, committed[i].Load())).Seconds()))
	}
	slices.Sort(late)
	return Run{Peer: r.name, Records: int64(len(seen)), Figures: map[Figure]float64{
		P50: late[len(late)/2], P99: late[len(late)*99/100], CPU: after.peer - before.peer, BrokerCPU: after.kafka - before.kafka,
		MySQLCPU: after.mysql - before.mysql, PeakRSS: memory(t, r.pid, "VmHWM"), Alloc: after.alloc - before.alloc,
	}}
}

// pace inserts the rows first, first+step … each when its time has come, and notes when it is committed.
func (b *bed) pace(ctx context.Context, table string, begin time.Time, rate, first, step int, committed []atomic.Int64) error {
	due := func(id int64) {
		time.Sleep(time.Until(begin.Add(time.Duration(id) * time.Second / time.Duration(rate)))) // this is the load's own rhythm
	}
	return b.insert(ctx, table, int64(first), int64(len(committed)-1), int64(step), due, func(id int64) { committed[id].Store(time.Now().UnixNano()) })
}

// watch notes when the record of each row arrives, until it has all of them.
func watch(ctx context.Context, kafka, topic string, seen []time.Time) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(kafka), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer cl.Close()
	for left := len(seen); left > 0; {
		fs := cl.PollFetches(ctx)
		now := time.Now()
		if err := fs.Err(); err != nil {
			return fmt.Errorf("%d of %d rows have not arrived: %w", left, len(seen), err)
		}
		for it := fs.RecordIter(); !it.Done(); {
			var row struct{ After struct{ ID int } }
			if err := json.Unmarshal(it.Next().Value, &row); err != nil {
				return err
			}
			if id := row.After.ID; id >= 0 {
				if !seen[id].IsZero() {
					return fmt.Errorf("row %d came twice", id)
				}
				seen[id] = now
				left--
			}
		}
	}
	return nil
}

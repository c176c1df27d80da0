package sourcetask_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/internal/kafkatest"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/sourcetask"
)

// limited is a creator of topics that take small batches only.
type limited struct{ bytes int32 }

func (limited) EnsureTopic(context.Context, string) error { return nil }

func (l limited) MaxMessageBytes(context.Context, string) (int32, error) { return l.bytes, nil }

// TestBatchesAreNoLargerThanTheTopicTakes: the client does not split a batch that the broker refuses.
func TestBatchesAreNoLargerThanTheTopicTakes(t *testing.T) {
	const limit = 40_000
	c := newCluster(t, kfake.SeedTopics(1, "t"))
	var largest, batches atomic.Int64
	c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		for _, topic := range req.(*kmsg.ProduceRequest).Topics {
			for _, p := range topic.Partitions {
				batches.Add(1)
				largest.Store(max(largest.Load(), int64(len(p.Records))))
			}
		}
		return nil, nil, false
	})
	s, off := newScript(), newOffsets()
	p := partition("p")
	var batch []*connect.SourceRecord
	for i := range 200 {
		batch = append(batch, record(p, i+1, "t", strings.Repeat("x", 1000)))
	}
	s.batches <- batch
	r := run(t, c, s, off, func(cfg *sourcetask.Config) {
		cfg.Topics, cfg.MaxBatchBytes, cfg.CommitInterval = limited{limit}, 1<<20, 10*time.Millisecond
		cfg.Producer = append(cfg.Producer, kgo.ProducerBatchCompression(kgo.NoCompression()))
	})
	for w := range off.wrote {
		if w == `"p"=200` {
			break
		}
	}
	r.stop()
	if n := largest.Load(); n > limit || batches.Load() < 5 {
		t.Errorf("%d batches, the largest of %d bytes, want at most %d", batches.Load(), n, limit)
	}
}

// A record above the topic's max.message.bytes may fit when it is compressed; it is tried, in its place among the others.
func TestLargeRecordsThatCompress(t *testing.T) {
	const limit = 20_000
	for name, c := range map[string]struct {
		codec kgo.CompressionCodec
		want  string
	}{
		"compressed": {kgo.GzipCompression(), "a,large,b,large,c"},
		"plain":      {kgo.NoCompression(), "a,b,c"},
	} {
		cl := newCluster(t)
		cl.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
			cl.KeepControl()
			pr := req.(*kmsg.ProduceRequest)
			for _, topic := range pr.Topics {
				for _, p := range topic.Partitions {
					if len(p.Records) > limit {
						return refuse(pr, kerr.MessageTooLarge.Code), nil, true
					}
				}
			}
			return nil, nil, false
		})
		s, off := newScript(), newOffsets()
		p := partition("p")
		large := strings.Repeat("x", 3*limit)
		s.batches <- []*connect.SourceRecord{record(p, 1, "one", "a"), record(p, 2, "one", large), record(p, 3, "one", "b")}
		s.batches <- []*connect.SourceRecord{record(p, 4, "one", large), record(p, 5, "one", "c"), record(p, 6, "one", strings.Repeat("y", 1<<17))}
		r := run(t, cl, s, off, func(cfg *sourcetask.Config) {
			cfg.Topics, cfg.MaxBatchBytes, cfg.CommitInterval = limited{limit}, 1<<16, 10*time.Millisecond
			cfg.Chain = pipeline.New(pipeline.Config{Key: text{}, Value: text{}, Log: quiet, Errors: pipeline.Errors{Tolerance: pipeline.All}})
			cfg.Producer = append(cfg.Producer, kgo.ProducerBatchCompression(c.codec))
		})
		for w := range off.wrote {
			if w == `"p"=6` {
				break
			}
		}
		r.stop()
		if err := r.wait(t); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got := strings.ReplaceAll(strings.Join(values(t, cl, "one"), ","), large, "large")
		if got != c.want {
			t.Errorf("%s: %.200s, want %s", name, got, c.want)
		}
	}
}

// What is too large fails the task with its size, what it is larger than and the way out; where errors.tolerance=all lets it pass, only if
// it was refused for its own size. Keys and values are not for errors.
func TestTooLargeRecords(t *testing.T) {
	const limit, most = 20_000, 100_000
	small, large, huge := strings.Repeat("s", 900), strings.Repeat("l", 30_000), strings.Repeat("h", 150_000)
	for name, c := range map[string]struct {
		value     string
		knows     int32 // max.message.bytes as the task reads it; it is limit
		tolerance pipeline.Tolerance
		txn       bool
		want      []string // nil: the record is passed over
	}{
		"max.request.size": {huge, limit, pipeline.None, false,
			[]string{"about 150134 bytes", "larger than 100000", "value of the max.request.size", "raise producer.override.max.request.size", "(20000 bytes)", "errors.tolerance=all"}},
		"max.request.size, tolerated": {huge, limit, pipeline.All, false, nil},
		"max.request.size, in a transaction": {huge, limit, pipeline.All, true,
			[]string{"about 150134 bytes", "larger than 100000", "raise producer.override.max.request.size"}},
		"max.message.bytes": {large, limit, pipeline.None, false,
			[]string{"about 30134 bytes", "larger than 20000", "max.message.bytes of the topic, also when it is compressed: raise that", "errors.tolerance=all"}},
		"max.message.bytes, tolerated": {large, limit, pipeline.All, false, nil},
		"max.message.bytes, in a transaction": {large, limit, pipeline.All, true,
			[]string{"about 30134 bytes", "max.message.bytes of the topic, and transactions do not try"}},
		"a batch, the limit was lowered":                      {small, most, pipeline.None, false, []string{"refused a batch", "lowered", "Restart the task"}},
		"a batch, the limit was lowered, tolerated":           {small, most, pipeline.All, false, []string{"refused a batch", "lowered", "Restart the task"}},
		"a batch, the limit may not be read, in transactions": {small, 0, pipeline.All, true, []string{"refused a batch", "DescribeConfigs", "producer.override.max.request.size"}},
	} {
		t.Run(name, func(t *testing.T) {
			cl := newCluster(t, kfake.SeedTopics(1, "offsets"))
			says := strconv.Itoa(limit)
			if _, err := kadm.NewClient(kafkatest.Client(t, cl)).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &says}}, "one"); err != nil {
				t.Fatal(err)
			}
			s, off := newScript(), newOffsets()
			p := partition("p")
			batch := []*connect.SourceRecord{record(p, 1, "one", c.value)}
			if c.value == small {
				for i := range 50 {
					batch = append(batch, record(p, i+2, "one", small))
				}
			}
			batch[0].Key = data.Datum{Value: data.String("secret")}
			s.batches <- batch
			txn := txnOffsets{make(chan string, 100)}
			r := run(t, cl, s, off, func(cfg *sourcetask.Config) {
				if c.txn {
					exactlyOnce(&sourcetask.Transaction{Offsets: txn})(cfg)
				}
				cfg.Topics, cfg.MaxBatchBytes, cfg.CommitInterval = limited{c.knows}, most, 10*time.Millisecond
				cfg.Chain = pipeline.New(pipeline.Config{Key: text{}, Value: text{}, Log: quiet, Errors: pipeline.Errors{Tolerance: c.tolerance}})
				cfg.Producer = append(cfg.Producer, kgo.ProducerBatchMaxBytes(most), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(100*time.Millisecond))
			})
			if c.want == nil {
				expect(t, s.acks, c.value+" dropped")
				r.stop()
				if err := r.wait(t); err != nil {
					t.Error(err)
				}
				if got := off.get(`"p"`); got != "1" {
					t.Errorf("offset %q", got)
				}
				return
			}
			err := r.wait(t)
			if !errors.Is(err, kerr.MessageTooLarge) {
				t.Fatal(err)
			}
			for _, part := range append(c.want, `topic "one"`) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is not in the error: %v", part, err)
				}
			}
			if strings.Contains(err.Error(), "secret") || c.txn && strings.Contains(err.Error(), "errors.tolerance") {
				t.Errorf("error %v", err)
			}
			if got := off.get(`"p"`); got != "" || len(txn.committed) > 0 || len(values(t, cl, "one")) > 0 {
				t.Errorf("offset %q, %d in transactions, for a record that was not written", got, len(txn.committed))
			}
		})
	}
}

// Where the topic's limit may not be read, batches are no larger than topics usually take, and a larger record goes alone.
func TestBatchesWhereTheLimitMayNotBeRead(t *testing.T) {
	const usual = 1<<20 + 12
	cl := newCluster(t)
	var alone, batches atomic.Int64
	cl.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cl.KeepControl()
		pr := req.(*kmsg.ProduceRequest)
		for _, topic := range pr.Topics {
			for _, p := range topic.Partitions {
				var b kmsg.RecordBatch
				if err := b.ReadFrom(p.Records); err != nil {
					t.Error(err)
				}
				batches.Add(1)
				if len(p.Records) > usual {
					if b.NumRecords != 1 {
						t.Errorf("%d records in a batch of %d bytes", b.NumRecords, len(p.Records))
					}
					alone.Add(1)
					return refuse(pr, kerr.MessageTooLarge.Code), nil, true
				}
			}
		}
		return nil, nil, false
	})
	s, off := newScript(), newOffsets()
	p := partition("p")
	var batch []*connect.SourceRecord
	for i := range 60 {
		n := 50_000
		if i == 30 {
			n = 2 << 20
		}
		batch = append(batch, record(p, i+1, "one", strings.Repeat("x", n)))
	}
	s.batches <- batch
	r := run(t, cl, s, off, func(cfg *sourcetask.Config) {
		cfg.Topics, cfg.MaxBatchBytes, cfg.CommitInterval = limited{0}, 8<<20, 10*time.Millisecond
		cfg.Chain = pipeline.New(pipeline.Config{Key: text{}, Value: text{}, Log: quiet, Errors: pipeline.Errors{Tolerance: pipeline.All}})
		cfg.Producer = append(cfg.Producer, kgo.ProducerBatchMaxBytes(8<<20), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(100*time.Millisecond))
	})
	for w := range off.wrote {
		if w == `"p"=60` {
			break
		}
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Error(err)
	}
	if n := len(values(t, cl, "one")); n != 59 || alone.Load() != 1 || batches.Load() < 4 {
		t.Errorf("%d records in %d batches, %d alone; want 59, and the large one alone", n, batches.Load(), alone.Load())
	}
}

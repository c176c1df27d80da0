package sourcetask_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
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

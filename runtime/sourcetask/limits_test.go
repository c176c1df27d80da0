package sourcetask_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
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

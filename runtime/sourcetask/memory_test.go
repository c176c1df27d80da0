package sourcetask_test

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/memory"
	"github.com/connectd/connectd/runtime/sourcetask"
)

// A task whose records nobody acknowledges fills its part of the worker's memory and waits; one beside it gets all its records through.
func TestUnansweredTaskLeavesRoomForOthers(t *testing.T) {
	const batches, perBatch, size, limit = 200, 20, 10 << 10, 8 << 20 // 40 MiB each
	c := newCluster(t, kfake.SeedTopics(1, "slow"))
	slowTopic := c.TopicInfo("slow").TopicID
	answer, unanswered := make(chan struct{}), make(chan struct{}, 1)
	defer close(answer)
	c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if pr, ok := req.(*kmsg.ProduceRequest); ok && pr.Topics[0].TopicID == slowTopic {
			select {
			case unanswered <- struct{}{}:
			default:
			}
			hold(c, answer)
		}
		return nil, nil, false
	})
	budget := memory.New(limit)
	feed := func(s *script, topic string) {
		p := partition(topic)
		for b := range batches {
			var batch []*connect.SourceRecord
			for i := range perBatch {
				batch = append(batch, record(p, b*perBatch+i+1, topic, strings.Repeat("x", size)))
			}
			s.batches <- batch
		}
	}
	share := func(cfg *sourcetask.Config) {
		cfg.Memory, cfg.MaxBufferedBytes, cfg.CommitTimeout = budget, 64<<20, 100*time.Millisecond
		cfg.Producer = append(cfg.Producer, kgo.ProducerBatchCompression(kgo.NoCompression()))
	}
	slow := newScript()
	feed(slow, "slow")
	run(t, c, slow, newOffsets(), share)
	<-unanswered // its first request is with the broker
	fast := newScript()
	feed(fast, "one")
	off := newOffsets()
	r := run(t, c, fast, off, share)
	most := int64(0)
	for range batches * perBatch {
		select {
		case v := <-fast.acks:
			if strings.HasSuffix(v, "dropped") {
				t.Fatal(v)
			}
			most = max(most, budget.Used())
		case <-time.After(20 * time.Second):
			t.Fatal("the fast task waits for the slow one")
		}
	}
	r.stop()
	if left := len(slow.batches); left == 0 {
		t.Error("the slow task has polled all of its 40 MiB")
	}
	// Each task may pass the limit by a batch.
	if slack := int64(2 * perBatch * size * 2); most > limit+slack {
		t.Errorf("%d bytes held, the limit is %d", most, limit)
	}
}

package sourcetask

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/pipeline"
)

// recordOverhead is the most that a batch adds to the keys and values of its one record, and headerOverhead to each header, in bytes.
const (
	recordOverhead = 128
	headerOverhead = 10
)

// compressible tells whether a record is larger than a batch of its topic may be, and small enough for max.request.size: compressed it may
// fit all the same. The client, which limits batches before they are compressed, would not even try. Within a transaction there is no
// other client to try with.
func (t *Task) compressible(r *kgo.Record) bool {
	if t.txn != nil {
		return false
	}
	limit, limited := t.limits.Load(r.Topic)
	if !limited {
		return false
	}
	n := int64(len(r.Key)+len(r.Value)) + recordOverhead
	for _, h := range r.Headers {
		n += int64(len(h.Key)+len(h.Value)) + headerOverhead
	}
	return n > int64(limit.(int32)) && n <= int64(t.cfg.MaxBatchBytes)
}

// produceLarge produces a record by a client of its own, which leaves it to the broker whether a batch is too large. What was produced before
// is awaited, and so is this: order is kept (invariant 6).
func (t *Task) produceLarge(s *segment, r *connect.SourceRecord, out *kgo.Record) error {
	cl, err := t.largeClient()
	if err != nil {
		return err
	}
	if err := t.client.Flush(t.send); err != nil {
		return t.send.Err()
	}
	t.produce(cl, s, r, out)
	if err := cl.Flush(t.send); err != nil {
		return t.send.Err()
	}
	return nil
}

func (t *Task) largeClient() (*kgo.Client, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fence.Closed() {
		return nil, pipeline.ErrAbandoned
	}
	if t.large == nil {
		opts := append(append([]kgo.Opt{}, t.options...), kgo.ProducerBatchMaxBytes(t.cfg.MaxBatchBytes),
			kgo.ProducerBatchMaxBytesFn(func(string) int32 { return t.cfg.MaxBatchBytes }), kgo.ProducerLinger(0))
		cl, err := kgo.NewClient(opts...)
		if err != nil {
			return nil, fmt.Errorf("making a producer for large records: %w", err)
		}
		t.large = cl
	}
	return t.large, nil
}

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
	n := batchBytes(r)
	return n > int64(limit.(int32)) && n <= int64(t.cfg.MaxBatchBytes)
}

// batchBytes is the most that a batch with this record alone takes before it is compressed.
func batchBytes(r *kgo.Record) int64 {
	n := int64(len(r.Key)+len(r.Value)) + recordOverhead
	for _, h := range r.Headers {
		n += int64(len(h.Key)+len(h.Value)) + headerOverhead
	}
	return n
}

// tooLarge adds to the error of a record that was refused as too large its size, what it is larger than, and the way out; not its key, for
// keys and values are never logged. alone is false if it went in a batch with others: that the broker refused the batch says nothing about
// the record. Java's producer splits such a batch (Sender.completeBatch), the Go client cannot.
func (t *Task) tooLarge(r *kgo.Record, err error) (alone bool, _ error) {
	n, limit := batchBytes(r), int64(0)
	if l, limited := t.limits.Load(r.Topic); limited {
		limit = int64(l.(int32))
	}
	const key = "producer.override.max.request.size"
	pass := ""
	if t.txn == nil {
		pass = ", or set errors.tolerance=all to go on without such records"
	}
	switch most := int64(t.cfg.MaxBatchBytes); {
	case most <= 0:
		return true, err
	case n > most:
		also := ""
		if limit > 0 {
			also = fmt.Sprintf(" (%d bytes)", limit)
		}
		err = fmt.Errorf("the record is about %d bytes when serialized which is larger than %d, which is the value of the max.request.size configuration: "+
			"raise %s, and max.message.bytes of the topic%s if that is less%s: %w", n, most, key, also, pass, err)
		return true, err
	case limit > 0 && n > limit:
		compressed := ", also when it is compressed"
		if t.txn != nil {
			compressed = ", and transactions do not try whether it fits when it is compressed"
		}
		return true, fmt.Errorf("the record is about %d bytes when serialized which is larger than %d, which is max.message.bytes of the topic%s: raise that%s: %w",
			n, limit, compressed, pass, err)
	default:
		return false, fmt.Errorf("the broker refused a batch in which the record, of about %d bytes, was: max.message.bytes of the topic was lowered since the task was "+
			"started, or the user may not read it (DescribeConfigs). Restart the task, or set %s to what the topic takes: %w", n, key, err)
	}
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

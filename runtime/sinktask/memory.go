package sinktask

import (
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/runtime/memory"
)

// recordOverhead is what a fetched record takes beside its key and value, in bytes, about.
const recordOverhead = 200

func recordSize(r *kgo.Record) int64 { return int64(len(r.Key)+len(r.Value)) + recordOverhead }

// fetched counts what the client has fetched and the loop has not polled yet.
type fetched struct {
	mem   *memory.Account
	ratio atomic.Int64 // of the last batch: how many times larger it is in memory than on the wire
}

var (
	_ kgo.HookFetchRecordBuffered   = (*fetched)(nil)
	_ kgo.HookFetchRecordUnbuffered = (*fetched)(nil)
	_ kgo.HookFetchBatchRead        = (*fetched)(nil)
)

// OnFetchBatchRead is called by the client. Limits of a fetch are compressed bytes.
func (f *fetched) OnFetchBatchRead(_ kgo.BrokerMetadata, _ string, _ int32, m kgo.FetchBatchMetrics) {
	f.ratio.Store(int64((m.UncompressedBytes + m.NumRecords*recordOverhead) / max(1, m.CompressedBytes)))
}

// OnFetchRecordBuffered is called by the client.
func (f *fetched) OnFetchRecordBuffered(r *kgo.Record) { f.mem.Add(recordSize(r)) }

// OnFetchRecordUnbuffered is called by the client, also for records that it throws away.
func (f *fetched) OnFetchRecordUnbuffered(r *kgo.Record, _ bool) { f.mem.Add(-recordSize(r)) }

// inHand counts the records that were polled: the batch, and those held back.
func (t *Task) inHand() {
	n := t.batch.bytes
	for _, p := range t.parts {
		for _, r := range p.parked {
			n += recordSize(r)
		}
	}
	t.mem.Add(n - t.held)
	t.held = n
}

// limitFetches tells the client how much it may fetch ahead: what the user allows as long as there is room, the guaranteed minimum else.
// The client keeps one answer of each broker until it is polled, so a sink that takes nothing holds no more than that; it stops
// fetching by itself, keeps its place, and goes on sending heartbeats.
func (t *Task) limitFetches(s *session) {
	limit := t.cfg.Memory.Limit()
	if limit == 0 {
		return
	}
	room := max(t.mem.Share(), limit/8)
	if !t.mem.Room() {
		room = t.mem.Share() / 2
	}
	room /= int64(max(1, len(s.client.DiscoveredBrokers()))) * max(1, s.fetched.ratio.Load())
	most := int32(max(1<<10, min(int64(s.fetchMax), room)))
	if most != s.fetchNow {
		s.fetchNow = most
		s.client.UpdateFetchMaxBytes(most, min(s.fetchPartitionMax, most))
	}
}

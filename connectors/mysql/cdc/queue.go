package cdc

import (
	"context"
	"sync"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connectors/mysql/row"
)

// batch is what one Poll returns, with the memory its rows are cut from.
type batch struct {
	records []connect.SourceRecord // backing array; never grows beyond its capacity
	out     []*connect.SourceRecord
	mem     row.Memory
	bytes   int64
}

// queue hands batches from the reader to Poll. The open batch is written under the lock; Poll takes it when no full one waits, so that
// a record is never held back by the size of a batch.
//
// The reader calls begin, then add for each record, then end. Begin waits while the queue is over its limits; a single event may
// overrun them, batch by batch, as add waits too: it lets go of the lock while it waits, and Poll may then take the open batch. That
// is why add asks for the open batch anew each time, and why nothing may be cut from a batch's memory before room was made.
type queue struct {
	mu      sync.Mutex
	ready   []*batch
	open    *batch
	records int
	bytes   int64
	err     error // the reader's end; given out after the last record
	lent    map[*connect.SourceRecord]*batch
	free    []*batch

	size       int
	maxRecords int
	maxBytes   int64 // as configured; 0: queueBytes

	held   bool          // the reader has the lock; only the reader asks
	filled chan struct{} // one token: something to take
	room   chan struct{} // one token: something was taken
}

const maxFree = 4

// Rows are far from equally large: batches and the queue are full also when they hold so many bytes, which rows of the usual few hundred
// bytes never reach with the default max.batch.size and max.queue.size.
const (
	batchBytes = 2 << 20
	queueBytes = 8 << 20
)

func newQueue(size, maxRecords int, maxBytes int64) *queue {
	q := &queue{size: size, maxRecords: max(maxRecords, size), maxBytes: maxBytes, lent: map[*connect.SourceRecord]*batch{},
		filled: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	q.open = q.fresh()
	return q
}

func (q *queue) fresh() *batch {
	if n := len(q.free); n > 0 {
		b := q.free[n-1]
		q.free = q.free[:n-1]
		return b
	}
	return &batch{records: make([]connect.SourceRecord, 0, q.size), out: make([]*connect.SourceRecord, 0, q.size)}
}

// begin locks the queue for the reader once it has room. The error is ctx's; the queue is unlocked then.
func (q *queue) begin(ctx context.Context) error {
	q.mu.Lock()
	q.held = true
	return q.makeRoom(ctx)
}

// over tells whether the queue has all that it may hold. The lock is held.
func (q *queue) over() bool {
	most := int64(queueBytes)
	if q.maxBytes > 0 {
		most = q.maxBytes
	}
	return q.records >= q.maxRecords || q.bytes >= most
}

func (q *queue) makeRoom(ctx context.Context) error {
	for q.over() {
		q.held = false
		q.mu.Unlock()
		q.wake()
		select {
		case <-q.room:
		case <-ctx.Done():
			return ctx.Err()
		}
		q.mu.Lock()
		q.held = true
	}
	return nil
}

// batch is the open batch with room for n more records; only between begin and end. The error is ctx's; the queue is unlocked then.
func (q *queue) batch(ctx context.Context, n int) (*batch, error) {
	if len(q.open.records)+n > cap(q.open.records) || q.open.bytes >= batchBytes {
		q.ready = append(q.ready, q.open)
		q.open = q.fresh()
		if err := q.makeRoom(ctx); err != nil {
			return nil, err
		}
	}
	return q.open, nil
}

// add puts a record of about the given size into b, the batch that batch returned last.
func (q *queue) add(b *batch, r connect.SourceRecord, bytes int) {
	b.records = append(b.records, r)
	b.bytes += int64(bytes)
	q.records++
	q.bytes += int64(bytes)
}

// send queues one record of about the given size. From the reader, not between begin and end. The error is ctx's.
func (q *queue) send(ctx context.Context, r connect.SourceRecord, bytes int) error {
	if err := q.begin(ctx); err != nil {
		return err
	}
	defer q.end()
	b, err := q.batch(ctx, 1)
	if err != nil {
		return err
	}
	q.add(b, r, bytes)
	return nil
}

// spare gives out an empty batch for push, to any goroutine.
func (q *queue) spare() *batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.fresh()
}

// push queues a batch that was filled outside of the queue, behind what is open. Not between begin and end, and from one goroutine at a
// time. The error is ctx's.
func (q *queue) push(ctx context.Context, b *batch) error {
	if err := q.begin(ctx); err != nil {
		return err
	}
	defer q.end()
	if len(q.open.records) > 0 {
		q.ready = append(q.ready, q.open)
		q.open = q.fresh()
	}
	q.ready = append(q.ready, b)
	q.records += len(b.records)
	q.bytes += b.bytes
	return nil
}

// end unlocks the queue, if it is locked still, and wakes Poll. Deferred right after begin, so that not even a panic keeps the lock.
func (q *queue) end() {
	if !q.held {
		return
	}
	q.held = false
	n := q.records
	q.mu.Unlock()
	if n > 0 {
		q.wake()
	}
}

func (q *queue) wake() {
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

// fail ends the queue: Poll gets err after the records that are there.
func (q *queue) fail(err error) {
	q.mu.Lock()
	if q.err == nil {
		q.err = err
	}
	q.mu.Unlock()
	q.wake()
}

// take returns the next batch; nil when nothing came within wait or ctx ended. A batch comes before the reader's error. A batch that is
// not full may still grow for as long as linger says.
func (q *queue) take(ctx context.Context, wait, linger time.Duration) ([]*connect.SourceRecord, error) {
	if linger > 0 {
		q.await(ctx, linger)
	}
	if out, err := q.tryTake(); out != nil || err != nil {
		return out, err
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	for {
		select {
		case <-q.filled:
			if out, err := q.tryTake(); out != nil || err != nil {
				return out, err
			}
		case <-t.C:
			return nil, nil
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// await returns when a batch is full, the queue cannot take more or has ended, or the time is over.
func (q *queue) await(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		q.mu.Lock()
		full := len(q.ready) > 0 || q.err != nil || q.over()
		q.mu.Unlock()
		if full {
			return
		}
		select {
		case <-q.filled:
		case <-t.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (q *queue) tryTake() ([]*connect.SourceRecord, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var b *batch
	switch {
	case len(q.ready) > 0:
		b = q.ready[0]
		q.ready = q.ready[1:]
	case len(q.open.records) > 0:
		b = q.open
		q.open = q.fresh()
	default:
		return nil, q.err
	}
	q.records -= len(b.records)
	q.bytes -= b.bytes
	b.out = b.out[:0]
	for i := range b.records {
		b.out = append(b.out, &b.records[i])
	}
	q.lent[b.out[0]] = b
	select {
	case q.room <- struct{}{}:
	default:
	}
	return b.out, nil
}

// recycle takes a batch back that nobody needs any more. Any goroutine.
func (q *queue) recycle(out []*connect.SourceRecord) {
	if len(out) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	b, ok := q.lent[out[0]]
	if !ok {
		return
	}
	delete(q.lent, out[0])
	if len(q.free) >= maxFree {
		return
	}
	clear(b.records)
	b.records, b.bytes = b.records[:0], 0
	b.mem.Reset()
	q.free = append(q.free, b)
}

// backlog is the number of records that wait.
func (q *queue) backlog() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.records
}

// measure binds the metrics of the queue.
func (q *queue) measure(m connect.Metrics) {
	m.Gauge(metricQueue, func() float64 { return float64(q.backlog()) })
	m.Gauge(metricQueueRoom, locked(&q.mu, func() float64 { return float64(max(q.maxRecords-q.records, 0)) }))
	m.Gauge(metricQueueBytes, locked(&q.mu, func() float64 { return float64(q.bytes) }))
	m.Gauge(metricQueueSize, func() float64 { return float64(q.maxRecords) })
	m.Gauge(metricQueueBytesSize, func() float64 { return float64(q.maxBytes) })
}

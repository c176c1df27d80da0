package sourcetask

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/internal/transaction"
	"github.com/connectd/connectd/runtime/pipeline"
)

// Boundary says where a transaction ends (transaction.boundary).
type Boundary uint8

// The boundaries.
const (
	BoundaryPoll      Boundary = iota // after each batch
	BoundaryInterval                  // after Transaction.Interval
	BoundaryConnector                 // where the task says (connect.Transaction)
)

// TransactionOffsets keeps source offsets that are written by the task's own producer.
type TransactionOffsets interface {
	// Topic is the topic of the records Prepare makes.
	Topic() string
	// Prepare renders offsets for the transaction under way. What has to be durable before it is committed is so on return.
	Prepare(ctx context.Context, offsets []PartitionOffset) ([]*kgo.Record, error)
	// Committed hears of offsets whose transaction is committed. It must not block.
	Committed(offsets []PartitionOffset)
}

// Transaction makes a task exactly-once (KIP-618): its records and their offsets are written in transactions of its own producer, whose
// options name the transactional id.
type Transaction struct {
	Boundary Boundary
	Interval time.Duration // of BoundaryInterval; > 0
	Offsets  TransactionOffsets
	// Before is called before the producer takes the transactional id, After once it has it: an error of either fails the task before
	// its Start. (ExactlyOnceWorkerSourceTask: preProducerCheck, postProducerCheck)
	Before, After func(ctx context.Context) error
}

// transactions is the state of a task that is exactly-once: the sender's alone where nothing else is said.
type transactions struct {
	Transaction
	t     *Task
	asked *boundaries // nil unless BoundaryConnector

	open     bool
	size     int // records produced in the open transaction
	marks    map[*connect.SourceRecord]mark
	pending  []connect.Position
	byPart   map[*connect.SourcePartition]int
	byDoc    map[string]int
	ending   atomic.Bool  // a transaction is being committed or aborted
	ends     atomic.Int64 // that came to their end
	aborting atomic.Bool  // records that fail do so because the transaction is given up

	mu       sync.Mutex
	outcomes []outcome                 // of records, until their transaction has ended
	recycled [][]*connect.SourceRecord // batches whose records RecordCommitted has still to hear of
}

type outcome struct {
	record *connect.SourceRecord
	meta   *connect.RecordMetadata
}

func newTransactions(t *Task, cfg Transaction) *transactions {
	x := &transactions{Transaction: cfg, t: t, byPart: map[*connect.SourcePartition]int{}, byDoc: map[string]int{}}
	if cfg.Boundary == BoundaryConnector {
		x.asked = &boundaries{}
		x.marks = map[*connect.SourceRecord]mark{}
		t.cfg.Context.Transaction = x.asked
	}
	return x
}

// begin takes the transactional id: whoever had it is fenced and its transaction aborted.
func (x *transactions) begin(ctx context.Context) error {
	if x.Before != nil {
		if err := x.Before(ctx); err != nil {
			return fmt.Errorf("preparing exactly-once delivery: %w", err)
		}
	}
	if ctx.Err() != nil {
		return nil //nolint:nilerr // told to stop: do not cut off the task's successor
	}
	if _, _, err := x.t.client.ProducerID(ctx); err != nil {
		return fmt.Errorf("initializing the transactional producer: %w", err)
	}
	if x.After != nil {
		if err := x.After(ctx); err != nil {
			return fmt.Errorf("preparing exactly-once delivery: %w", err)
		}
	}
	return nil
}

// sendInTransactions is sendBatches of an exactly-once task.
func (t *Task) sendInTransactions() {
	defer t.fan.end()
	var tick <-chan time.Time
	if t.txn.Boundary == BoundaryInterval {
		ticker := time.NewTicker(t.txn.Interval)
		defer ticker.Stop()
		tick = ticker.C
	}
	handle := func(f func() error) {
		if t.send.Err() != nil {
			return
		}
		if err := f(); err != nil && t.send.Err() == nil {
			t.fail(err)
		}
	}
	for {
		select {
		case p, more := <-t.batches:
			if !more {
				handle(func() error { return t.txn.batchDone(polled{last: true}) })
				t.txn.giveUp()
				return
			}
			handle(func() error {
				if len(p.records) > 0 {
					t.txn.note(p.marks)
					if err := t.sendBatch(p.records); err != nil {
						return err
					}
				}
				return t.txn.batchDone(p)
			})
		case <-tick:
			handle(t.txn.commit)
		}
	}
}

// batchDone ends the transaction behind a batch, or before a pause and at the end, if the boundary is there.
func (x *transactions) batchDone(p polled) error {
	switch x.Boundary {
	case BoundaryPoll:
		return x.commit()
	case BoundaryInterval:
		if p.last {
			return x.commit()
		}
	case BoundaryConnector:
		return x.end(p.asked)
	}
	return nil
}

// handled is called for each record that was produced or dropped, in order.
func (x *transactions) handled(r *connect.SourceRecord) error {
	x.offset(r.Position)
	m, marked := x.marks[r]
	if !marked {
		return nil
	}
	delete(x.marks, r)
	if m == markCommit|markAbort {
		return fmt.Errorf("Connector requested both commit and abort of same record against topic/partition %s/%d", r.Topic, r.Partition)
	}
	return x.end(m)
}

// produced is called before a record is produced.
func (x *transactions) produced(topic string) error {
	if topic == x.Offsets.Topic() {
		return errors.New("Source tasks may not produce to their own offsets topics when exactly-once support is enabled")
	}
	if err := x.ensureOpen(); err != nil {
		return err
	}
	x.size++
	return nil
}

// begins notes that the transaction is being ended, and returns what notes that it has.
func (x *transactions) begins() (done func()) {
	x.ending.Store(true)
	return func() {
		x.ends.Add(1)
		x.ending.Store(false)
	}
}

func (x *transactions) ensureOpen() error {
	if x.open {
		return nil
	}
	if err := x.t.client.BeginTransaction(); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	x.open = true
	return nil
}

// offset notes the newest position of its source partition.
func (x *transactions) offset(p connect.Position) {
	if p.Partition == nil {
		return
	}
	if n := len(x.pending); n > 0 && x.pending[n-1].Partition == p.Partition {
		x.pending[n-1].Offset = p.Offset
		return
	}
	i, known := x.byPart[p.Partition]
	if !known {
		doc := string(p.Partition.JSON())
		if i, known = x.byDoc[doc]; !known {
			i = len(x.pending)
			x.pending = append(x.pending, connect.Position{})
			x.byDoc[doc] = i
		}
		x.byPart[p.Partition] = i
	}
	x.pending[i] = p
}

// end does what the task asked for.
func (x *transactions) end(m mark) error {
	switch m {
	case markCommit | markAbort:
		return errors.New("Connector requested both commit and abort of same transaction")
	case markCommit:
		return x.commit()
	case markAbort:
		if err := x.abort(); err != nil {
			return err
		}
		// Its records are not wanted, and not read again either: their offsets are stored.
		return x.commit()
	}
	return nil
}

// abort drops the transaction's records, as the task wants it. What is under way is awaited: it may count for nothing, but an error of
// it is one of the task all the same.
func (x *transactions) abort() error {
	t := x.t
	if !x.open {
		t.cfg.Log.Warn("Ignoring request by task to abort transaction as the current transaction is empty")
		return nil
	}
	t.cfg.Log.Info("Aborting transaction as requested by connector")
	defer x.begins()()
	if err := t.client.Flush(t.send); err != nil {
		return fmt.Errorf("aborting a transaction: %w", err)
	}
	if err := t.failed(); err != nil {
		return err
	}
	if err := transaction.End(t.send, t.client, kgo.TryAbort); err != nil {
		return expired(fmt.Errorf("aborting a transaction: %w", err))
	}
	x.open, x.size = false, 0
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.outcomes {
		x.outcomes[i].meta = nil
	}
	return nil
}

// commit ends the transaction with the offsets of all that was handled since the last commit. (commitTransaction)
func (x *transactions) commit() error {
	t := x.t
	if !x.open && len(x.pending) == 0 {
		x.tell()
		return nil
	}
	begin := time.Now()
	done := x.begins()
	offsets, err := render(x.pending)
	if err == nil {
		err = x.commitWith(offsets)
	}
	done()
	if err != nil {
		t.count.commitFail(1)
		return expired(fmt.Errorf("committing a transaction: %w", err))
	}
	t.count.transactionSize(float64(x.size))
	x.open, x.size = false, 0
	t.count.commitOK(1)
	t.count.commitSecs(time.Since(begin).Seconds())
	x.Offsets.Committed(offsets)
	x.tell()
	if t.committer != nil && len(x.pending) > 0 {
		ps := slices.Clone(x.pending)
		if err := protect(func() error { return t.committer.Committed(t.send, ps) }); err != nil {
			t.cfg.Log.Warn("The task could not handle a commit", "error", err)
		}
	}
	clear(x.pending)
	x.pending = x.pending[:0]
	clear(x.byPart)
	clear(x.byDoc)
	return nil
}

func (x *transactions) commitWith(offsets []PartitionOffset) error {
	t := x.t
	if t.fence.Closed() {
		return pipeline.ErrAbandoned // invariant 3
	}
	if err := x.ensureOpen(); err != nil {
		return err
	}
	records, err := x.Offsets.Prepare(t.send, offsets)
	if err != nil {
		return fmt.Errorf("rendering source offsets: %w", err)
	}
	for _, r := range records {
		r.Partition = connect.NoPartition
		t.client.Produce(never, r, x.offsetWritten)
	}
	if err := t.client.Flush(t.send); err != nil {
		return err
	}
	if err := t.cfg.Chain.DeadLetter().Flush(t.send); err != nil {
		return fmt.Errorf("writing dead letters: %w", err)
	}
	// A record or an offset that Kafka refused must not be committed without the others (invariant 1).
	if err := t.failed(); err != nil {
		return err
	}
	if t.fence.Closed() {
		return pipeline.ErrAbandoned
	}
	return transaction.End(t.send, t.client, kgo.TryCommit)
}

func (x *transactions) offsetWritten(r *kgo.Record, err error) {
	if err != nil && !x.aborting.Load() {
		x.t.fail(expired(fmt.Errorf("writing source offsets to topic %q: %w", r.Topic, err)))
	}
}

// giveUp aborts what is open when the task ends, so that nobody who reads committed records has to wait for the transaction's time-out.
func (x *transactions) giveUp() {
	if !x.open {
		return
	}
	x.aborting.Store(true)
	ctx, cancel := context.WithTimeout(x.t.life, x.t.cfg.CommitTimeout)
	defer cancel()
	err := x.t.client.AbortBufferedRecords(ctx)
	if err == nil && !fencedOff(x.t.failed()) {
		err = x.t.client.EndTransaction(ctx, kgo.TryAbort) // transaction.End but for what was just done
	}
	if err != nil {
		x.t.cfg.Log.Info("The open transaction could not be aborted; the task's next start or its time-out ends it", "reason", err)
	}
}

// acknowledged keeps what became of a record until its transaction has ended.
func (x *transactions) acknowledged(r *connect.SourceRecord, m *connect.RecordMetadata) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.outcomes = append(x.outcomes, outcome{r, m})
}

// recycle keeps a batch until its records' outcomes were told.
func (x *transactions) recycle(batch []*connect.SourceRecord) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.recycled = append(x.recycled, slices.Clone(batch))
}

// tell hands outcomes and batches to the task.
func (x *transactions) tell() {
	x.mu.Lock()
	outcomes, recycled := x.outcomes, x.recycled
	x.outcomes, x.recycled = nil, nil
	x.mu.Unlock()
	for _, o := range outcomes {
		x.t.recordCommitted(o.record, o.meta)
	}
	for _, b := range recycled {
		x.t.recycle(b)
	}
}

func render(ps []connect.Position) (offsets []PartitionOffset, err error) {
	offsets = make([]PartitionOffset, len(ps))
	err = protect(func() error {
		for i, p := range ps {
			offsets[i].Partition = p.Partition.JSON()
			if p.Offset != nil {
				offsets[i].Offset = p.Offset.AppendJSON(nil)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("rendering source offsets: %w", err)
	}
	return offsets, nil
}

// fencedOff tells whether another producer has taken the transactional id, or the broker has ended an expired transaction.
func fencedOff(err error) bool {
	return errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch)
}

// expired adds the way out where a transaction may have taken too long (ExactlyOnceWorkerSourceTask.wrapTransactionTimeoutError).
func expired(err error) error {
	if !fencedOff(err) {
		return err
	}
	return fmt.Errorf("the task's producer was fenced out, by another run of the task, or because it was unable to finish writing records to Kafka before its "+
		"producer transaction expired. In the latter case: tune the connector's producer configuration for higher throughput, increase the "+
		"transaction timeout for the connector's producers (producer.override.transaction.timeout.ms), decrease "+
		"transaction.boundary.interval.ms or offset.flush.interval.ms, or use transaction.boundary=poll: %w", err)
}

// mark is what a task asks for at a record or a batch: bits.
type mark uint8

const (
	markCommit mark = 1 << iota
	markAbort
)

// boundaries is the connect.Transaction of a task. Safe for concurrent use.
type boundaries struct {
	mu    sync.Mutex
	batch mark
	after map[*connect.SourceRecord]mark
}

var _ connect.Transaction = (*boundaries)(nil)

func (b *boundaries) Commit() { b.ask(markCommit) }
func (b *boundaries) Abort()  { b.ask(markAbort) }

func (b *boundaries) CommitAfter(r *connect.SourceRecord) { b.askAfter(r, markCommit) }
func (b *boundaries) AbortAfter(r *connect.SourceRecord)  { b.askAfter(r, markAbort) }

func (b *boundaries) ask(m mark) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.batch |= m
}

func (b *boundaries) askAfter(r *connect.SourceRecord, m mark) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.after == nil {
		b.after = map[*connect.SourceRecord]mark{}
	}
	b.after[r] |= m
}

// take returns what was asked for since the last call.
func (b *boundaries) take() (batch mark, after map[*connect.SourceRecord]mark) {
	b.mu.Lock()
	defer b.mu.Unlock()
	batch, after = b.batch, b.after
	b.batch, b.after = 0, nil
	return batch, after
}

// note adds the marks of a batch; one that belongs to a later batch waits.
func (x *transactions) note(marks map[*connect.SourceRecord]mark) {
	for r, m := range marks {
		x.marks[r] |= m
	}
}

// polled is one answer of Poll on its way to the sender.
type polled struct {
	records []*connect.SourceRecord
	asked   mark // at the end of the batch
	marks   map[*connect.SourceRecord]mark
	last    bool // nothing follows for a while: a pause, or the end
}

package topiclog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/internal/transaction"
)

// Record is what is written: a nil Value is a tombstone.
type Record struct{ Key, Value []byte }

// WriterConfig is what a Writer needs.
type WriterConfig struct {
	Topic string
	// Options are the options of the producing client.
	Options []kgo.Opt
	// TransactionalID makes the writer transactional, and so fenceable; see Claim.
	TransactionalID string
	// Log is slog's default if nil.
	Log *slog.Logger
}

// ErrNotClaimed says that a transactional writer was not claimed, or lost its claim by a failed write.
var ErrNotClaimed = errors.New("the right to write is not claimed")

// ErrFenced says that another writer has claimed the transactional id since: this one's owner is not the leader any more.
var ErrFenced = errors.New("fenced by a newer writer")

// Writer writes to one topic; records are partitioned by key as Java does. Safe for concurrent use. Its client is made by the first
// Write or Claim and remains until Close.
type Writer struct {
	cfg WriterConfig
	log *slog.Logger

	txn sync.Mutex // one transaction at a time; held around mu

	mu            sync.Mutex
	client        *kgo.Client
	notIdempotent bool
	closed        bool
}

// NewWriter makes a Writer; it does not connect yet.
func NewWriter(cfg WriterConfig) *Writer {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Writer{cfg: cfg, log: cfg.Log.With("topic", cfg.Topic)}
}

// Write returns when all records are durable, in their order within a partition. A lost broker is waited for until ctx ends; then the
// error says so, and the records may or may not come to be written. Transactional: all or none, and any failure costs the claim.
func (w *Writer) Write(ctx context.Context, records ...Record) error {
	if len(records) == 0 {
		return nil
	}
	var err error
	if w.cfg.TransactionalID != "" {
		err = w.writeFenced(ctx, records)
	} else {
		err = w.writePlain(ctx, records)
	}
	if err != nil {
		return fmt.Errorf("writing to topic %q: %w", w.cfg.Topic, err)
	}
	return nil
}

// Claim makes this writer the owner of its transactional id: whoever had it is fenced and its open transaction aborted. It may be
// repeated. Nothing to do for a writer that is not transactional.
func (w *Writer) Claim(ctx context.Context) error {
	if w.cfg.TransactionalID == "" {
		return nil
	}
	w.txn.Lock()
	defer w.txn.Unlock()
	if ctx.Err() != nil { // over while it waited for a transaction: whoever has the topic by now is not to be cut off
		return fmt.Errorf("claiming topic %q: %w", w.cfg.Topic, context.Cause(ctx))
	}
	w.drop(nil)
	client, err := w.open()
	if err != nil {
		return fmt.Errorf("claiming topic %q: %w", w.cfg.Topic, err)
	}
	if _, _, err := client.ProducerID(ctx); err != nil {
		w.drop(client)
		return fmt.Errorf("claiming topic %q with transactional id %q: %w", w.cfg.Topic, w.cfg.TransactionalID, fenced(err))
	}
	return nil
}

// Release gives the claim up without touching a newer owner's.
func (w *Writer) Release() {
	if w.cfg.TransactionalID == "" {
		return
	}
	w.txn.Lock()
	defer w.txn.Unlock()
	w.drop(nil)
}

// Close ends the client; what is not acknowledged yet is lost.
func (w *Writer) Close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.drop(nil)
}

// open returns the client, made if need be.
func (w *Writer) open() (*kgo.Client, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, kgo.ErrClientClosed
	}
	if w.client != nil {
		return w.client, nil
	}
	opts := append([]kgo.Opt{}, w.cfg.Options...)
	opts = append(opts, kgo.DefaultProduceTopic(w.cfg.Topic), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	if w.cfg.TransactionalID != "" {
		opts = append(opts, kgo.TransactionalID(w.cfg.TransactionalID))
	} else if w.notIdempotent {
		opts = append(opts, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, &optionsError{err}
	}
	w.client = client
	return client, nil
}

// drop closes the client if it is still the given one, or whichever it is for nil.
func (w *Writer) drop(only *kgo.Client) {
	w.mu.Lock()
	client := w.client
	if client == nil || only != nil && client != only {
		w.mu.Unlock()
		return
	}
	w.client = nil
	w.mu.Unlock()
	client.Close()
}

func (w *Writer) writePlain(ctx context.Context, records []Record) error {
	for renewed := false; ; {
		client, err := w.open()
		if err != nil {
			return err
		}
		records, err = produce(ctx, client, records)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return err
		case (errors.Is(err, kerr.ClusterAuthorizationFailed) || errors.Is(err, kerr.UnsupportedVersion)) && w.fallBack(client):
			// Brokers before 2.8 want IDEMPOTENT_WRITE; Kafka Connect's own producer is not idempotent for that reason.
			w.log.Warn("the cluster refuses idempotent writes, going on without", "error", err)
		case errors.Is(err, kerr.UnknownTopicID) && !renewed:
			// The topic was deleted and created anew: a client never forgets the id of the first one.
			renewed = true
			w.drop(client)
		case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
			// Another call's context ended: kgo then fails all unsent records of the partition, ours too. Ours start over.
		default:
			return err
		}
	}
}

// fallBack makes the next client a not idempotent one; false if it is already.
func (w *Writer) fallBack(client *kgo.Client) bool {
	w.mu.Lock()
	if w.notIdempotent && w.client == client {
		w.mu.Unlock()
		return false
	}
	w.notIdempotent = true
	w.mu.Unlock()
	w.drop(client)
	return true
}

// produce sends records and waits for all; it returns those that failed and the first error.
func produce(ctx context.Context, client *kgo.Client, records []Record) (failed []Record, err error) {
	errs := make([]error, len(records))
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(len(records))
	for i, r := range records {
		client.Produce(ctx, &kgo.Record{Key: r.Key, Value: r.Value}, func(_ *kgo.Record, err error) {
			errs[i] = err
			wg.Done()
		})
	}
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		// What is in flight cannot be taken back; the promises still run, when the client gets an answer or is closed.
		return records, fmt.Errorf("waiting for the acknowledgement (the records may have been written): %w", context.Cause(ctx))
	}
	for i, e := range errs {
		if e != nil {
			failed = append(failed, records[i])
			err = errors.Join(err, e)
		}
	}
	return failed, err
}

func (w *Writer) writeFenced(ctx context.Context, records []Record) error {
	w.txn.Lock()
	defer w.txn.Unlock()
	w.mu.Lock()
	client := w.client
	w.mu.Unlock()
	if client == nil {
		return ErrNotClaimed
	}
	if err := transact(ctx, client, records); err != nil {
		// Java's rule: whatever the reason, the leader has to claim again, after it made sure that it still leads.
		w.drop(client)
		return fenced(err)
	}
	return nil
}

func transact(ctx context.Context, client *kgo.Client, records []Record) error {
	if err := client.BeginTransaction(); err != nil {
		return fmt.Errorf("beginning the transaction: %w", err)
	}
	if _, err := produce(ctx, client, records); err != nil {
		if ctx.Err() == nil {
			abort, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			// If the abort fails too, the transaction ends with the next claim or by its timeout.
			_ = transaction.End(abort, client, kgo.TryAbort)
		}
		return err
	}
	if err := transaction.End(ctx, client, kgo.TryCommit); err != nil {
		return fmt.Errorf("committing the transaction: %w", err)
	}
	return nil
}

// fenced adds ErrFenced to the errors a broker has for a writer that was replaced.
func fenced(err error) error {
	for _, e := range []error{kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping} {
		if errors.Is(err, e) {
			return fmt.Errorf("%w: %w", ErrFenced, err)
		}
	}
	return err
}

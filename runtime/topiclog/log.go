package topiclog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Config is what a Log needs.
type Config struct {
	Topic string
	// From is the offset to begin at in each partition; 0 is the start.
	From int64
	// Reader are the options of the reading client, without topics.
	Reader []kgo.Opt
	// ReadCommitted passes over records of aborted transactions. Records of open ones, and those behind them, are not read yet.
	ReadCommitted bool
	// AwaitOpen makes ReadToEnd wait for transactions that are open at the call, so that nothing committed hides behind another writer's
	// open transaction. For topics with several transactional writers.
	AwaitOpen bool
	// OnRecord gets each record, control records apart. It may keep the record.
	OnRecord func(*kgo.Record)
	// OnBatch, if set, is called after the records that were fetched together, before anybody who waits in ReadToEnd is woken.
	OnBatch func()
	// OnState, if set, is told that reading has trouble (err != nil), and that it works again (nil). Any goroutine, one call at a
	// time, only on a change between the two; it must not block.
	OnState func(err error)
	// OnMissing, if set, is called between two tries to read when the topic is not there; what it does about it may take as long as ctx lasts.
	OnMissing func(ctx context.Context)
	// OnRecreated, if set, is told that the topic is another one than before, of the same name; it is read from its start. It must not block.
	OnRecreated func()
	// Log is slog's default if nil.
	Log *slog.Logger
}

// ErrStopped says that Run has returned, so the log is not read any more.
var ErrStopped = errors.New("reading has stopped")

const (
	retryMin = 100 * time.Millisecond
	retryMax = 10 * time.Second
	// probeAfter is how long ReadToEnd waits without progress before it asks whether anything is left to read at all.
	probeAfter = 100 * time.Millisecond
	// slowAfter is when ReadToEnd says what it waits for.
	slowAfter = 5 * time.Second
)

// Log reads one topic. Safe for concurrent use.
type Log struct {
	cfg   Config
	log   *slog.Logger
	state stateReport

	mu      sync.Mutex
	client  *kgo.Client     // of the running session, nil between sessions
	topicID [16]byte        // of the running session
	next    map[int32]int64 // per partition, the offset up to which everything was handed out
	changed chan struct{}   // closed on each change of the fields here
	stopped error
}

// New makes a Log; it does nothing before Run.
func New(cfg Config) *Log {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Log{
		cfg: cfg, log: cfg.Log.With("topic", cfg.Topic), state: stateReport{on: cfg.OnState},
		next: map[int32]int64{}, changed: make(chan struct{}),
	}
}

// Run reads until ctx is done, then returns nil; an error means that the client's options are impossible. Call it once.
func (l *Log) Run(ctx context.Context) error {
	err := l.run(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = ErrStopped
	if err != nil {
		l.stopped = errors.Join(ErrStopped, err)
	}
	l.broadcast()
	return err
}

func (l *Log) run(ctx context.Context) error {
	for fails := 0; ctx.Err() == nil; {
		began := time.Now()
		err := l.session(ctx)
		if ctx.Err() != nil {
			break
		}
		if _, ok := errors.AsType[*optionsError](err); ok {
			return err
		}
		if time.Since(began) > time.Minute {
			fails = 0
		}
		fails++
		l.state.report(err)
		l.log.Warn("reading failed, trying again", "error", err)
		if l.cfg.OnMissing != nil && missing(err) {
			l.cfg.OnMissing(ctx)
		}
		sleep(ctx, backoff(fails))
	}
	return nil //nolint:nilerr // the error of a session that was told to end
}

// missing tells whether the broker knows no such topic, or no more the one that was read.
func missing(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
}

// optionsError marks an error that no retry can heal.
type optionsError struct{ err error }

func (e *optionsError) Error() string { return "making the client: " + e.err.Error() }
func (e *optionsError) Unwrap() error { return e.err }

// session reads with one client, from where the session before stopped, until something fails that kgo does not retry.
func (l *Log) session(ctx context.Context) error {
	opts := append([]kgo.Opt{}, l.cfg.Reader...)
	// Control records say how far reading came where the last records of a partition are markers.
	opts = append(opts, kgo.KeepControlRecords(), kgo.WithHooks(&l.state))
	if l.cfg.ReadCommitted {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return &optionsError{err}
	}
	defer client.Close()
	if err := l.begin(ctx, client); err != nil {
		return err
	}
	defer l.end()
	l.state.report(nil)
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		l.deliver(fetches)
		for _, e := range fetches.Errors() {
			return fmt.Errorf("reading partition %d: %w", e.Partition, e.Err)
		}
		if fetches.IsClientClosed() {
			return errors.New("client closed")
		}
	}
}

// begin finds the partitions and starts reading each where it was left, at first at its start.
func (l *Log) begin(ctx context.Context, client *kgo.Client) error {
	topics, err := kadm.NewClient(client).ListTopicsWithInternal(ctx, l.cfg.Topic)
	if err != nil {
		return fmt.Errorf("listing partitions: %w", err)
	}
	t, ok := topics[l.cfg.Topic]
	if !ok {
		return fmt.Errorf("listing partitions: %w", kerr.UnknownTopicOrPartition)
	}
	if t.Err != nil {
		return fmt.Errorf("listing partitions: %w", t.Err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recreated(t.ID)
	l.client, l.topicID = client, t.ID
	for p := range t.Partitions {
		if _, ok := l.next[p]; !ok {
			l.next[p] = l.cfg.From
		}
	}
	l.consume(client, l.next)
	l.broadcast()
	return nil
}

// recreated forgets the positions if the topic is not the one that was read before; the lock is held. Without that, a new topic that has
// grown past an old position would be read from there.
func (l *Log) recreated(id [16]byte) {
	if l.topicID == id || l.topicID == [16]byte{} {
		return
	}
	clear(l.next)
	l.log.Warn("the topic was deleted and created anew; reading it from its start")
	if l.cfg.OnRecreated != nil {
		l.cfg.OnRecreated()
	}
}

// consume adds partitions to the client; the lock is held.
func (l *Log) consume(client *kgo.Client, from map[int32]int64) {
	offsets := make(map[int32]kgo.Offset, len(from))
	for p, o := range from {
		offsets[p] = kgo.NewOffset().AtStart()
		if o > 0 {
			offsets[p] = kgo.NewOffset().At(o)
		}
	}
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{l.cfg.Topic: offsets})
}

func (l *Log) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.client = nil
	l.broadcast()
}

// deliver hands out what was fetched, then moves the positions: who waits for them may count on the callbacks having been made.
func (l *Log) deliver(fetches kgo.Fetches) {
	next := map[int32]int64{}
	fetches.EachRecord(func(r *kgo.Record) {
		if !r.Attrs.IsControl() {
			l.hand(r)
		}
		next[r.Partition] = r.Offset + 1
	})
	if len(next) == 0 {
		return
	}
	if l.cfg.OnBatch != nil {
		l.cfg.OnBatch()
	}
	l.state.report(nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, o := range next {
		l.next[p] = o
	}
	l.broadcast()
}

func (l *Log) hand(r *kgo.Record) {
	defer func() {
		if p := recover(); p != nil {
			l.log.Error("record passed over, its handler panicked", "partition", r.Partition, "offset", r.Offset, "panic", p)
		}
	}()
	l.cfg.OnRecord(r)
}

// broadcast wakes all who wait for a change; the lock is held.
func (l *Log) broadcast() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// stateReport tells changes between working and not; as a kgo hook it hears of brokers that cannot be reached, which kgo itself
// retries in silence.
type stateReport struct {
	on func(error)

	mu  sync.Mutex
	bad bool
}

func (s *stateReport) report(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bad := err != nil; bad != s.bad {
		s.bad = bad
		if s.on != nil {
			s.on(err)
		}
	}
}

// OnBrokerConnect is told of each attempt to reach a broker.
func (s *stateReport) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, kgo.ErrClientClosed) {
		s.report(fmt.Errorf("connecting: %w", err))
	}
}

// OnBrokerRead clears trouble: an answer arrived.
func (s *stateReport) OnBrokerRead(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if err == nil && key == fetchKey {
		s.report(nil)
	}
}

// backoff doubles from retryMin to retryMax with a jitter of a fifth.
func backoff(fails int) time.Duration {
	d := retryMin << min(max(fails-1, 0), 10)
	return time.Duration(float64(min(d, retryMax)) * (0.8 + 0.4*rand.Float64()))
}

// sleep waits for d or ctx.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

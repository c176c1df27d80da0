package elasticsearch

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/connectd/connectd/connect"
)

// bulk is one request in the making, waiting or under way.
type bulk struct {
	body   []byte
	ops    []op
	first  map[connect.TopicPartition]int64 // oldest offset of each partition
	ids    map[string]struct{}              // of operations whose order we keep
	opened time.Time                        // when the first operation came
	gone   map[connect.TopicPartition]bool  // partitions that left while it was under way; guarded by sender.mu
}

// newBulk makes an empty bulk with room for size bytes and n operations.
func newBulk(size, n int) *bulk {
	return &bulk{body: make([]byte, 0, size), ops: make([]op, 0, n), first: map[connect.TopicPartition]int64{}}
}

func (b *bulk) add(o op) {
	tp := o.at.TopicPartition
	if n := len(b.ops); n == 0 {
		b.opened = time.Now()
		b.first[tp] = o.at.Offset
	} else if b.ops[n-1].at.TopicPartition != tp { // records come in runs of a partition
		// The lowest: a partition that was lost and came back may start again further down.
		if first, ok := b.first[tp]; !ok || o.at.Offset < first {
			b.first[tp] = o.at.Offset
		}
	} else if o.at.Offset < b.first[tp] {
		b.first[tp] = o.at.Offset
	}
	b.ops = append(b.ops, o)
	if o.id != "" {
		if b.ids == nil {
			b.ids = map[string]struct{}{}
		}
		b.ids[o.id] = struct{}{}
	}
}

func (b *bulk) shares(o *bulk) bool {
	for id := range b.ids {
		if _, ok := o.ids[id]; ok {
			return true
		}
	}
	return false
}

// sender owns the bulks from the open one to the last one under way. Safe for concurrent use.
type sender struct {
	set    settings
	client *client
	report func() connect.Reporter
	log    *slog.Logger
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	pace   *pace

	mu      sync.Mutex
	open    *bulk
	waiting []*bulk // sealed, in order
	sending map[*bulk]struct{}
	records int           // in all bulks
	change  chan struct{} // closed when a bulk has ended
	failed  error
	size, n int // of the last sealed bulk: the next will be like it
}

func newSender(set settings, c *client, report func() connect.Reporter, log *slog.Logger) *sender {
	ctx, cancel := context.WithCancel(context.Background())
	return &sender{
		set: set, client: c, report: report, log: log, ctx: ctx, cancel: cancel, sending: map[*bulk]struct{}{}, change: make(chan struct{}),
		pace: newPace(set.inFlight),
	}
}

// stop ends what is under way, whose records were not committed, and waits for it.
func (s *sender) stop() {
	s.cancel()
	s.wg.Wait()
}

// room waits until another batch may be added, at most for d; false: there is none yet. Waiting bulks are bounded too, because
// max.buffered.records says nothing about bytes.
func (s *sender) room(ctx context.Context, d time.Duration) (bool, error) {
	return s.await(ctx, d, func() bool { return s.records < s.set.maxBuffered && len(s.waiting) <= s.set.inFlight })
}

// err is why a bulk failed for good.
func (s *sender) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// idle waits until nothing is under way, at most for d.
func (s *sender) idle(ctx context.Context, d time.Duration) (bool, error) {
	return s.await(ctx, d, func() bool { return s.records == 0 })
}

func (s *sender) await(ctx context.Context, d time.Duration, ok func() bool) (bool, error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		s.mu.Lock()
		err, good, change := s.failed, ok(), s.change
		s.mu.Unlock()
		if err != nil || good {
			return good, err
		}
		select {
		case <-change:
		case <-timer.C:
			return false, nil
		case <-ctx.Done():
			return false, nil
		}
	}
}

// add appends the operation of r to the open bulk, or to a new one if it does not fit. ok and err are those of documents.append.
func (s *sender) add(docs *documents, r *connect.SinkRecord, p *topicPlan) (ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = newBulk(s.size+s.size/8, s.n)
	}
	b := s.open
	before := len(b.body)
	var o op
	if b.body, o, ok, err = docs.append(b.body, r, p); err != nil || !ok {
		return false, err
	}
	if s.report() != nil {
		o.letter = letterOf(r)
	}
	if before > 0 && len(b.body) > s.set.bytes { // the operation goes into the next bulk
		next := newBulk(max(s.size, o.end-before), s.n)
		next.body = append(next.body, b.body[before:]...) // a copy: the sealed bulk is being sent while this one grows
		b.body = b.body[:before:before]
		s.seal()
		o.start, o.end = 0, o.end-before
		s.open = next
	}
	s.open.add(o)
	s.records++
	if len(s.open.ops) >= s.set.batch || len(s.open.body) >= s.set.bytes {
		s.seal()
	}
	return true, nil
}

// seal ends the open bulk. s.mu is held.
func (s *sender) seal() {
	if s.open == nil || len(s.open.ops) == 0 {
		return
	}
	s.size, s.n = len(s.open.body), len(s.open.ops)
	s.waiting = append(s.waiting, s.open)
	s.open = nil
	s.dispatch()
}

// flush seals the open bulk if it is old enough; wait is how long it still may be filled.
func (s *sender) flush(force bool) (wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil || len(s.open.ops) == 0 {
		return 0
	}
	if wait = s.set.linger - time.Since(s.open.opened); wait > 0 && !force {
		return wait
	}
	if len(s.sending) < s.set.inFlight || force { // else it goes on being filled: a request could not begin anyway
		s.seal()
	}
	return 0
}

// drop forgets what is not yet stored of partitions that leave: their records come again, to whoever gets them, and must not be written
// twice over newer ones. A request under way goes on, but is not repeated for them.
func (s *sender) drop(parts []connect.TopicPartition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := make(map[connect.TopicPartition]bool, len(parts))
	for _, tp := range parts {
		gone[tp] = true
	}
	if s.open != nil {
		s.open = s.without(s.open, gone)
	}
	var waiting []*bulk
	for _, b := range s.waiting {
		if b = s.without(b, gone); b != nil {
			waiting = append(waiting, b)
		}
	}
	s.waiting = waiting
	for b := range s.sending {
		if b.gone == nil {
			b.gone = map[connect.TopicPartition]bool{}
		}
		for tp := range gone {
			b.gone[tp] = true
			delete(b.first, tp)
		}
	}
	s.dispatch()
	close(s.change)
	s.change = make(chan struct{})
}

// without is b less the operations of the partitions, nil if nothing is left. s.mu is held.
func (s *sender) without(b *bulk, gone map[connect.TopicPartition]bool) *bulk {
	kept := remaining(b.ops, gone)
	if len(kept) == len(b.ops) {
		return b
	}
	s.records -= len(b.ops) - len(kept)
	if len(kept) == 0 {
		return nil
	}
	body, kept := pick(b.body, kept)
	out := newBulk(0, len(kept))
	out.body = body
	for _, o := range kept {
		out.add(o)
	}
	out.opened = b.opened
	return out
}

// remaining are the operations of other partitions, in a new slice if there are none of theirs.
func remaining(ops []op, gone map[connect.TopicPartition]bool) []op {
	mine := func(o op) bool { return gone[o.at.TopicPartition] }
	if !slices.ContainsFunc(ops, mine) {
		return ops
	}
	return slices.DeleteFunc(slices.Clone(ops), mine)
}

// still is what of ops is to be sent again.
func (s *sender) still(b *bulk, body []byte, ops []op) ([]byte, []op) {
	s.mu.Lock()
	kept := remaining(ops, b.gone)
	s.mu.Unlock()
	if len(kept) == len(ops) {
		return body, ops
	}
	return pick(body, kept)
}

// dispatch begins the requests that may begin: in order, not more than allowed, none that shares a document with one under way.
// s.mu is held.
func (s *sender) dispatch() {
	if s.failed != nil || s.ctx.Err() != nil {
		return
	}
	for len(s.waiting) > 0 && len(s.sending) < s.set.inFlight {
		b := s.waiting[0]
		for o := range s.sending {
			if b.shares(o) {
				return
			}
		}
		s.waiting[0] = nil // else the array keeps it alive
		s.waiting = s.waiting[1:]
		s.sending[b] = struct{}{}
		s.wg.Go(func() { s.finish(b, s.send(b)) })
	}
}

// finish takes a bulk off the list; one that failed stays, so that nothing is committed past it.
func (s *sender) finish(b *bulk, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		if s.failed == nil && s.ctx.Err() == nil {
			s.failed = err
		}
	} else {
		delete(s.sending, b)
		s.records -= len(b.ops)
		s.dispatch()
		if s.open != nil && len(s.open.ops) > 0 && len(s.waiting) == 0 && time.Since(s.open.opened) >= s.set.linger {
			s.seal()
		}
	}
	close(s.change)
	s.change = make(chan struct{})
}

// oldest is the lowest offset of the partition that is not stored.
func (s *sender) oldest(tp connect.TopicPartition) (offset int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	look := func(b *bulk) {
		if o, there := b.first[tp]; there && (!ok || o < offset) {
			offset, ok = o, true
		}
	}
	if s.open != nil {
		look(s.open)
	}
	for _, b := range s.waiting {
		look(b)
	}
	for b := range s.sending {
		look(b)
	}
	return offset, ok
}

// Bounds of the pause after max.retries; before, retry.backoff.ms alone counts.
const (
	slowRetryLeast = time.Second
	slowRetryMost  = 30 * time.Second
)

// send repeats the request until each operation is stored, refused or reported.
func (s *sender) send(b *bulk) error {
	body, ops := b.body, b.ops
	for attempt := 0; ; attempt++ {
		if !s.pace.enter(s.ctx) {
			return s.ctx.Err()
		}
		items, err := s.client.bulk(s.ctx, body, attempt)
		s.pace.leave(overload(err) || rejected(items))
		switch {
		case err == nil && items == nil:
			return nil
		case err == nil:
			again, why, err := s.judge(ops, items, attempt < s.set.retries)
			if err != nil || len(again) == 0 {
				return err
			}
			body, ops = pick(body, again)
			s.warn(attempt, ops, why)
		case !passing(err):
			return fmt.Errorf("sending %d records, the first from topic %q, partition %d, offset %d: %w", len(ops), ops[0].at.Topic,
				ops[0].at.Partition, ops[0].at.Offset, err)
		default:
			s.warn(attempt, ops, err)
		}
		if !s.pause(attempt) {
			return s.ctx.Err()
		}
		if body, ops = s.still(b, body, ops); len(ops) == 0 {
			return nil
		}
	}
}

func (s *sender) warn(attempt int, ops []op, err error) {
	if s.ctx.Err() == nil {
		s.log.Warn("a bulk request will be sent again", "attempt", attempt+1, "records", len(ops), "error", err)
	}
}

// pause waits before the next attempt.
func (s *sender) pause(attempt int) bool {
	timer := time.NewTimer(s.set.wait(attempt))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// wait is the pause after an attempt, from 0: a random part of retry.backoff.ms doubled each time (full jitter, as Confluent's
// RetryUtil), and after max.retries at least slowRetryLeast.
func (s *settings) wait(attempt int) time.Duration {
	most := max(slowRetryMost, s.backoff)
	d := s.backoff
	for range min(attempt, 40) {
		if d *= 2; d >= most {
			break
		}
	}
	d = min(d, most)
	if attempt < s.retries {
		return rand.N(d + 1)
	}
	d = max(d, slowRetryLeast)
	return d/2 + rand.N(d/2+1)
}

// pick makes a body of some operations.
func pick(body []byte, ops []op) ([]byte, []op) {
	var out []byte
	for i, o := range ops {
		start := len(out)
		out = append(out, body[o.start:o.end]...)
		ops[i].start, ops[i].end = start, len(out)
	}
	return out, ops
}

// malformed are the errors that speak of the document (behavior.on.malformed.documents).
var malformed = map[string]bool{
	"strict_dynamic_mapping_exception": true, "mapper_parsing_exception": true, "illegal_argument_exception": true,
	"action_request_validation_exception": true, "document_parsing_exception": true,
}

// judge looks at the items of an answer and returns the operations to send again, in their order, with one of the reasons.
func (s *sender) judge(ops []op, items []item, conflicts bool) (again []op, why, err error) {
	if len(items) != len(ops) {
		return nil, nil, fmt.Errorf("Elasticsearch answered %d items to %d operations: %w", len(items), len(ops), errAnswer)
	}
	ids := map[string]struct{}{} // documents of which something is sent again: what follows must follow again
	for i, it := range items {
		o := ops[i]
		_, behind := ids[o.id]
		switch {
		case it.Error == nil && !(behind && o.id != ""):
		case it.Error == nil, passingStatus(it.Status), conflicts && o.id != "" && it.Error.Type == versionConflict:
			again = append(again, o)
			if o.id != "" {
				ids[o.id] = struct{}{}
			}
			if it.Error != nil && why == nil {
				why = s.place(o, it)
			}
		default:
			if err := s.refused(o, it); err != nil {
				return nil, nil, err
			}
		}
	}
	return again, why, nil
}

// versionConflict is the error of an operation whose document has changed meanwhile, or has a newer version.
const versionConflict = "version_conflict_engine_exception"

// place names the record an item speaks of.
func (*sender) place(o op, it item) error {
	at := o.at
	return fmt.Errorf("indexing the record of topic %q, partition %d, offset %d: %w", at.Topic, at.Partition, at.Offset,
		&statusError{it.Status, it.Error.Type, it.Error.Reason})
}

// refused decides about an operation that Elasticsearch will not take; an error fails the task.
func (s *sender) refused(o op, it item) error {
	if it.Error.Type == versionConflict && o.versioned {
		return nil // a newer version is stored: the record came again
	}
	cause := s.place(o, it)
	if r := s.report(); r != nil {
		if err := r.Report(o.letter.record(o.at), cause); err != nil {
			return err
		}
	}
	switch {
	case it.Error.Type == versionConflict:
		s.log.Warn("a document was changed by somebody else", "error", cause)
	case malformed[it.Error.Type] && s.set.onMalformed == "WARN":
		s.log.Warn("Elasticsearch refused a document", "error", cause)
	case malformed[it.Error.Type] && s.set.onMalformed == "IGNORE":
	default:
		return cause
	}
	return nil
}

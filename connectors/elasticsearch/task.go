package elasticsearch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
)

// task is the sink task; see the package comment.
type task struct {
	tc     connect.SinkTaskContext
	set    settings
	client *client
	docs   *documents
	send   *sender
	known  map[string]state // by topic
}

// state is what is known of a topic's index.
type state struct{ exists, mapped bool }

var (
	_ connect.SinkTask     = (*task)(nil)
	_ connect.DocumentTask = (*task)(nil)
)

// roomWait is how long Put waits for room before it gives the loop its turn (rebalances, commits).
const roomWait = 500 * time.Millisecond

func (t *task) Start(_ context.Context, tc connect.SinkTaskContext) (err error) {
	t.tc, t.set, t.known = tc, newSettings(tc.Config), map[string]state{}
	if t.client, err = newClient(tc.Config); err != nil {
		return err
	}
	t.docs = newDocuments(t.set)
	t.send = newSender(t.set, t.client, tc.Control.Reporter, tc.Log)
	return nil
}

func (*task) Open(context.Context, []connect.TopicPartition) error { return nil }

// TakesDocuments: of a value without a schema, all ways to write need the text alone.
func (*task) TakesDocuments() bool { return true }

// Put takes the whole batch or, while Elasticsearch is slow or away, none of it.
func (t *task) Put(ctx context.Context, batch []*connect.SinkRecord) error {
	if len(batch) > 0 {
		ok, err := t.send.room(ctx, roomWait)
		if err != nil {
			return err
		}
		if !ok {
			return connect.Retriable(errors.New("Elasticsearch does not keep up or is away: the records not yet stored fill the buffer"), time.Millisecond)
		}
	} else if err := t.send.err(); err != nil {
		return err
	}
	for _, r := range batch {
		if err := t.ensure(ctx, r); err != nil {
			return err
		}
	}
	var bad []connect.RecordError
	for _, r := range batch {
		_, err := t.send.add(t.docs, r, t.docs.plan(r.Topic))
		switch {
		case err == nil:
		case errors.Is(err, errNull):
			if rep := t.tc.Control.Reporter(); rep != nil {
				if err := rep.Report(r, err); err != nil {
					return err // errors.tolerance is exceeded
				}
			}
		case t.set.dropInvalid:
			t.tc.Log.Error("dropping a record that makes no document", "topic", r.Original.Topic, "partition", r.Original.Partition,
				"offset", r.Original.Offset, "error", err)
		default:
			bad = append(bad, connect.RecordError{Record: r, Err: err})
		}
	}
	if wait := t.send.flush(false); wait > 0 {
		t.tc.Control.Timeout(wait)
	}
	if len(bad) > 0 {
		return &connect.PutError{Failed: bad}
	}
	return nil
}

// ensure makes the index and the mapping of the record's topic if they are not there. Passing errors are retriable: nothing of the
// batch was taken yet.
func (t *task) ensure(ctx context.Context, r *connect.SinkRecord) error {
	s := t.known[r.Topic]
	if s.exists && (s.mapped || r.Value.Schema == nil) {
		return nil
	}
	p := t.docs.plan(r.Topic)
	// Without a name for the index the record fails when it is added; one that is skipped needs no index.
	if skipped := isNull(r) && t.set.onNull != "DELETE"; skipped || p.index == "" {
		return nil
	}
	if err := t.create(ctx, p, r.Value.Schema, &s); err != nil {
		err = fmt.Errorf("preparing index %q for topic %q: %w", p.index, r.Topic, err)
		if passing(err) {
			return connect.Retriable(err, t.set.wait(0)+minRetry)
		}
		return err
	}
	if len(t.known) >= maxPlans {
		clear(t.known)
	}
	t.known[strings.Clone(r.Topic)] = s
	return nil
}

// minRetry is the least wait before a batch that needs an index comes again.
const minRetry = 100 * time.Millisecond

// create brings the index to where records of the schema may be written, and tells so in s. A value without schema leaves the mapping
// to Elasticsearch; a later record with one may still bring it.
func (t *task) create(ctx context.Context, p *topicPlan, schema *data.Schema, s *state) error {
	if !s.exists {
		exists, err := t.client.indexExists(ctx, p.index)
		switch {
		case err != nil:
			return err
		case !exists && t.set.resources != nil:
			return errors.New("it does not exist, and external.resource.usage forbids to make it")
		case !exists:
			if err := t.client.createIndex(ctx, p.index); err != nil {
				return err
			}
		}
		s.exists = true
	}
	if t.set.resources != nil || p.ignoreSchema {
		s.mapped = true
		return nil
	}
	if schema == nil {
		return nil
	}
	if schema.Kind() == data.KindStruct {
		if mapped, err := t.client.hasMapping(ctx, p.index); err != nil {
			return err
		} else if !mapped {
			if err := t.client.putMapping(ctx, p.index, t.docs.appendMapping(nil, schema)); err != nil {
				return err
			}
		}
	}
	s.mapped = true
	return nil
}

// PreCommit answers what is stored. With flush.synchronously it first waits for all that is under way.
func (t *task) PreCommit(ctx context.Context, put connect.Offsets) (connect.Offsets, error) {
	t.send.flush(true)
	if t.set.flushSync {
		if ok, err := t.send.idle(ctx, t.set.flushTimeout); err == nil && !ok {
			t.tc.Log.Warn("flushing took longer than flush.timeout.ms; the offsets are committed later")
		}
	}
	out := make(connect.Offsets, len(put))
	for tp, next := range put {
		if o, ok := t.send.oldest(tp); ok && o < next {
			next = o
		}
		out[tp] = next
	}
	return out, nil
}

// Close forgets what is not stored of the partitions; PreCommit has left it out.
func (t *task) Close(_ context.Context, parts []connect.TopicPartition, _ bool) error {
	t.send.drop(parts)
	return nil
}

func (t *task) Stop(context.Context) error {
	if t.send != nil {
		t.send.stop()
		t.client.close()
	}
	return nil
}

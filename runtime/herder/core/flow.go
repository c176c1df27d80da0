package core

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// flow is a request or chore under way: one slow action at a time. It names its stage for the time-out message (KAFKA-15563).
type flow struct {
	name   string
	req    ReqID
	leader bool   // dropped with a 409 when leadership is lost
	queue  string // flows of one queue go one after the other; empty: none
	stage  string
	since  time.Time // of stage, or of the waiting in the queue
	op     OpID      // the slow action under way, 0: none
	begin  func() []Action
	next   func(Done) []Action
	writes bool        // the slow action is a leader's write
	failed func(error) // called when the flow ends with an error
}

// enqueue begins f now, or when the flows of its queue before it are finished.
func (h *Herder) enqueue(f *flow, begin func() []Action) []Action {
	f.begin, f.since = begin, h.now
	if f.queue == "" {
		return begin()
	}
	h.queues[f.queue] = append(h.queues[f.queue], f)
	if len(h.queues[f.queue]) > 1 {
		return nil
	}
	return begin()
}

// slow begins a slow action of f; next gets its answer.
func (h *Herder) slow(f *flow, stage string, act func(OpID) Action, next func(Done) []Action) []Action {
	h.lastOp++
	f.op, f.stage, f.since, f.next = h.lastOp, stage, h.now, next
	h.ops[f.op] = f
	return []Action{act(f.op)}
}

func (h *Herder) onDone(d Done) []Action {
	f := h.ops[d.Op]
	if f == nil {
		return nil // dropped meanwhile
	}
	delete(h.ops, d.Op)
	f.op = 0
	if h.lostLead(f, d) {
		return h.stepBack()
	}
	if s, ok := d.Result.(*cluster.Snapshot); ok {
		h.take(s)
	}
	switch {
	case errors.Is(d.Err, ErrLate):
		d.Err = &cluster.TimedOut{Doing: f.stage, Began: f.since, Cause: d.Err}
	case d.Err != nil:
		d.Err = fmt.Errorf("%s: %w", f.stage, d.Err)
	}
	return f.next(d)
}

// Stage tells what is being done for a request, and since when; false: nothing.
func (h *Herder) Stage(req ReqID) (doing string, since time.Time, ok bool) {
	for _, f := range h.ops {
		if f.req == req {
			return f.stage, f.since, true
		}
	}
	for _, q := range h.queues {
		if i := slices.IndexFunc(q, func(f *flow) bool { return f.req == req }); i > 0 {
			return "waiting for an operation on the same connector that is " + q[0].stage, q[i].since, true
		}
	}
	for id, ws := range h.waits {
		for _, w := range ws {
			if w.req != req {
				continue
			}
			if id.Task == connect.ConnectorTask {
				return "restarting connector " + id.Connector, w.since, true
			}
			return "restarting task " + id.String(), w.since, true
		}
	}
	return "", time.Time{}, false
}

// write writes changes and finishes f with result.
func (h *Herder) write(f *flow, asLeader bool, result func() any, changes ...cluster.Change) []Action {
	return h.slow(f, "writing to the config topic", h.writeAction(f, asLeader, changes...), func(d Done) []Action {
		if d.Err != nil || result == nil {
			return h.finish(f, nil, d.Err)
		}
		return h.finish(f, result(), nil)
	})
}

// finish answers f's request and begins the next flow of its queue.
func (h *Herder) finish(f *flow, result any, err error) []Action {
	var acts []Action
	if f.req != 0 {
		acts = append(acts, Reply{Req: f.req, Result: result, Err: err})
	}
	if err != nil && f.failed != nil {
		f.failed(err)
	}
	if f.queue == "" {
		return acts
	}
	q := h.queues[f.queue]
	if len(q) == 0 || q[0] != f {
		return acts
	}
	if len(q) == 1 {
		delete(h.queues, f.queue)
		return acts
	}
	h.queues[f.queue] = q[1:]
	return append(acts, q[1].begin()...)
}

// abort drops the flows that need the group (leader=true: all that need leadership) and answers them with err.
func (h *Herder) abort(leader bool, err error) []Action {
	var acts []Action
	dropped := map[*flow]bool{}
	drop := func(f *flow) {
		if f.leader != leader || dropped[f] {
			return
		}
		dropped[f] = true
		if f.op != 0 {
			delete(h.ops, f.op)
			acts = append(acts, CallOff{f.op})
		}
		if f.req != 0 {
			acts = append(acts, Reply{Req: f.req, Err: err})
		}
		if f.failed != nil {
			f.failed(err)
		}
	}
	for _, f := range h.ops {
		drop(f)
	}
	for name, q := range h.queues {
		rest := q[:0:0]
		for _, f := range q {
			drop(f)
			if !dropped[f] {
				rest = append(rest, f)
			}
		}
		if len(rest) == 0 {
			delete(h.queues, name)
			continue
		}
		h.queues[name] = rest
		if rest[0] != q[0] {
			acts = append(acts, rest[0].begin()...)
		}
	}
	return acts
}

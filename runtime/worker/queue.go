package worker

import (
	"context"
	"slices"
	"sync"

	"github.com/connectd/connectd/runtime/cluster"
)

// queue is an unbounded queue of reports: the worker reports while it holds its lock, so it must never wait for the herder. Its
// length is bounded by the number of transitions, which the herder causes.
type queue struct {
	mu    sync.Mutex
	items []cluster.Report
	wake  chan struct{}
	out   chan cluster.Report
}

func newQueue() *queue {
	return &queue{wake: make(chan struct{}, 1), out: make(chan cluster.Report)}
}

func (q *queue) put(r cluster.Report) {
	q.mu.Lock()
	if r.Progress != "" { // the one kind that time alone makes more of
		q.items = slices.DeleteFunc(q.items, func(o cluster.Report) bool { return o.Progress != "" && o.ID == r.ID })
	}
	q.items = append(q.items, r)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// pump hands out reports until ctx is done.
func (q *queue) pump(ctx context.Context) {
	for {
		q.mu.Lock()
		items := q.items
		q.items = nil
		q.mu.Unlock()
		for i, r := range items {
			select {
			case q.out <- r:
			case <-ctx.Done():
				q.mu.Lock()
				q.items = append(items[i:len(items):len(items)], q.items...)
				q.mu.Unlock()
				return
			}
		}
		if len(items) > 0 {
			continue
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return
		}
	}
}

// rest takes what nobody has taken.
func (q *queue) rest() []cluster.Report {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items = nil
	return items
}

package elasticsearch

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// pace bounds how many requests are under way, between one and max.in.flight.requests. A request that timed out or was rejected halves
// the bound, each that succeeds raises it by a fraction (additive increase, multiplicative decrease): an overloaded cluster goes on
// working at a request it has timed out of, so sending the next at once, and more of them, would only make it slower. Safe for
// concurrent use.
type pace struct {
	most   int
	mu     sync.Mutex
	bound  float64
	active int
	change chan struct{} // closed when a request has ended
}

func newPace(most int) *pace {
	return &pace{most: most, bound: float64(most), change: make(chan struct{})}
}

// enter waits until a request may begin; false: ctx ended.
func (p *pace) enter(ctx context.Context) bool {
	for {
		p.mu.Lock()
		if p.active < int(p.bound) {
			p.active++
			p.mu.Unlock()
			return true
		}
		change := p.change
		p.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return false
		}
	}
}

// leave tells how the request ended.
func (p *pace) leave(overloaded bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active--
	if overloaded {
		p.bound = max(p.bound/2, 1)
	} else {
		p.bound = min(p.bound+1/p.bound, float64(p.most))
	}
	close(p.change)
	p.change = make(chan struct{})
}

// overload tells whether err says that the cluster has too much to do: it did not answer in time, or said so itself.
func overload(err error) bool {
	if err == nil {
		return false
	}
	if se, ok := errors.AsType[*statusError](err); ok {
		return se.status == http.StatusTooManyRequests || se.status == http.StatusServiceUnavailable
	}
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

const mostPatience = time.Minute

// patience is how long the answer to an attempt (from 0) may take: read.timeout.ms, doubled with each repetition up to a minute. Work
// that took the cluster longer than the time-out would never succeed otherwise.
func patience(first time.Duration, attempt int) time.Duration {
	if first <= 0 || first >= mostPatience {
		return first
	}
	return min(first<<min(attempt, 10), mostPatience)
}

// rejected tells whether any operation was turned away for lack of capacity.
func rejected(items []item) bool {
	for _, it := range items {
		if it.Status == http.StatusTooManyRequests {
			return true
		}
	}
	return false
}

package sourcetask

import "github.com/connectd/connectd/runtime/cluster"

// Signals tells what the task is at, for whoever watches it for a stall. A task in whose source nothing happens returns from Poll within
// about a second each time, as its contract says; one that does not is stuck. Any goroutine.
func (t *Task) Signals() []cluster.Signal {
	active := t.active.Load()
	unstored, stores := t.track.unstored()
	out := []cluster.Signal{
		{Doing: "in a call of Poll", Busy: t.polling.Load(), Progress: t.polls.Load()},
		{Doing: "producing records", Busy: active > 0, Progress: t.polled.Load() - active},
		{Doing: "storing offsets", Busy: unstored, Progress: stores, Grace: t.cfg.CommitInterval + t.cfg.CommitTimeout},
	}
	if x := t.txn; x != nil {
		out = append(out, cluster.Signal{Doing: "ending a transaction", Busy: x.ending.Load(), Progress: x.ends.Load() + t.polled.Load() - active})
	}
	return out
}

// unstored tells whether there are acknowledged offsets that are not durable yet, and counts how often some have become so.
func (t *tracker) unstored() (bool, int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.dirty) > 0, t.stores
}

package memory

import (
	"sync"
	"sync/atomic"
)

const (
	// minimum is what a task is guaranteed, in bytes, where the limit allows: at most half of the limit is guaranteed to all together.
	minimum = 1 << 20
	// grain is how far the budget may lag behind an account, in bytes.
	grain = 64 << 10
)

// Budget is the memory of one worker. Safe for concurrent use. A nil *Budget has no limit.
type Budget struct {
	limit int64

	mu       sync.Mutex
	used     int64 // sum of what the accounts have published
	accounts map[*Account]struct{}
	waiting  map[*Account]struct{}
}

// New makes a budget of limit bytes; nil, which is no limit, if limit is not positive.
func New(limit int64) *Budget {
	if limit <= 0 {
		return nil
	}
	return &Budget{limit: limit, accounts: map[*Account]struct{}{}, waiting: map[*Account]struct{}{}}
}

// Limit is the limit in bytes; 0 is none.
func (b *Budget) Limit() int64 {
	if b == nil {
		return 0
	}
	return b.limit
}

// Used is what all tasks hold, in bytes, up to 64 KiB a task behind.
func (b *Budget) Used() int64 {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Open makes an account, which takes part from its first byte or question on. wake is called, from any goroutine, when an account that had no room should ask again; it must not block and
// not call the account. Close the account when its task has ended. Of a nil budget the account counts, and always has room.
func (b *Budget) Open(wake func()) *Account {
	return &Account{b: b, wake: wake}
}

// guaranteed is the minimum of each account, which is never nothing; b.mu is held.
func (b *Budget) guaranteed() int64 {
	return max(1, min(minimum, b.limit/int64(2*max(1, len(b.accounts)))))
}

// Account counts what one task holds. Safe for concurrent use; a nil *Account counts nothing and always has room.
type Account struct {
	b    *Budget
	wake func()
	used atomic.Int64

	published atomic.Int64 // written under b.mu
	closed    bool         // under b.mu
}

// Add counts n more bytes, less if n is negative.
func (a *Account) Add(n int64) {
	if a == nil {
		return
	}
	now := a.used.Add(n)
	if d := now - a.published.Load(); d >= grain || d <= -grain || now <= 0 {
		a.publish()
	}
}

// Used is what the task holds, in bytes.
func (a *Account) Used() int64 {
	if a == nil {
		return 0
	}
	return a.used.Load()
}

// publish brings the budget up to date, and wakes those that wait if there is more room than before.
func (a *Account) publish() {
	if a.b == nil {
		return
	}
	b := a.b
	b.mu.Lock()
	var wake []func()
	if b.settle(a) < 0 {
		wake = b.wakers()
	}
	b.mu.Unlock()
	for _, w := range wake {
		w()
	}
}

// settle takes over what a holds now and returns the difference; b.mu is held.
func (b *Budget) settle(a *Account) int64 {
	if a.closed {
		return 0
	}
	b.accounts[a] = struct{}{}
	now := max(0, a.used.Load())
	d := now - a.published.Load()
	a.published.Store(now)
	b.used += d
	return d
}

func (b *Budget) wakers() (out []func()) {
	for a := range b.waiting {
		if a.wake != nil {
			out = append(out, a.wake)
		}
	}
	clear(b.waiting)
	return out
}

// Room tells whether the task may take more on. After a false, wake is called when that may have changed.
func (a *Account) Room() bool {
	if a == nil || a.b == nil {
		return true
	}
	b := a.b
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle(a)
	if a.closed || b.room(a) {
		delete(b.waiting, a)
		return true
	}
	b.waiting[a] = struct{}{}
	return false
}

func (b *Budget) room(a *Account) bool {
	least := b.guaranteed()
	mine := a.published.Load()
	switch {
	case mine < least, b.used < b.limit-b.limit/4:
		return true
	case mine >= b.limit/int64(len(b.accounts)):
		return false
	}
	claims := least // what others may still take without asking, one that comes anew among them
	for o := range b.accounts {
		claims += max(0, least-o.published.Load())
	}
	return b.used+claims < b.limit
}

// Share is what the task may hold in bytes while it has no room: its guaranteed minimum. 0 without a limit.
func (a *Account) Share() int64 {
	if a == nil || a.b == nil {
		return 0
	}
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	return a.b.guaranteed()
}

// Close gives back all the account counts; what is added later does not matter to others.
func (a *Account) Close() {
	if a == nil || a.b == nil {
		return
	}
	b := a.b
	b.mu.Lock()
	b.used -= a.published.Load()
	a.published.Store(0)
	a.closed = true
	delete(b.accounts, a)
	delete(b.waiting, a)
	wake := b.wakers()
	b.mu.Unlock()
	for _, w := range wake {
		w()
	}
}

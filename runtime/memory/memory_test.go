package memory

import (
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

const mib = 1 << 20

func TestRoom(t *testing.T) {
	b := New(16 * mib)
	woken := map[string]int{}
	open := func(name string) *Account { return b.Open(func() { woken[name]++ }) }
	slow, fast := open("slow"), open("fast")
	fast.Room() // from now on there are two
	slow.Add(11 * mib)
	if !slow.Room() {
		t.Error("no room below three quarters")
	}
	slow.Add(2 * mib)
	if slow.Room() {
		t.Error("room in the last quarter for a task above its share")
	}
	if !fast.Room() {
		t.Error("no room for a task that holds nothing")
	}
	fast.Add(mib) // its minimum, below its share; 14 of 16
	if !fast.Room() {
		t.Error("no room below the share")
	}
	fast.Add(mib) // the rest is for one that comes anew
	if fast.Room() {
		t.Error("room in the reserve")
	}
	fast.Add(mib)
	if fast.Room() {
		t.Error("room beyond the limit")
	}
	if b.Used() != 16*mib {
		t.Errorf("used %d", b.Used())
	}
	slow.Add(-6 * mib)
	if woken["slow"] != 1 || woken["fast"] != 1 {
		t.Errorf("woken %v", woken)
	}
	if !slow.Room() || !fast.Room() {
		t.Error("no room after bytes were given back")
	}
	slow.Close()
	if b.Used() != 3*mib {
		t.Errorf("used %d after one account was closed", b.Used())
	}
	slow.Add(5 * mib)
	if b.Used() != 3*mib || !slow.Room() {
		t.Error("a closed account counts")
	}
}

// Whatever the others hold, each task gets its minimum, and the minima take at most half of the limit.
func TestMinimumIsGuaranteed(t *testing.T) {
	b := New(8 * mib)
	hog := b.Open(nil)
	hog.Add(100 * mib)
	var others []*Account
	for range 31 {
		others = append(others, b.Open(nil))
		others[len(others)-1].Room()
	}
	least := hog.Share()
	if least != 8*mib/64 {
		t.Errorf("minimum %d", least)
	}
	for i, a := range others {
		if !a.Room() {
			t.Errorf("task %d has no room at all", i)
		}
		a.Add(least)
		if a.Room() {
			t.Errorf("task %d has room beyond its minimum in a budget that is used up", i)
		}
	}
}

// However small the limit is: a task that holds nothing has room, or one that moves nothing would stop all others.
func TestMinimumIsNeverNothing(t *testing.T) {
	b := New(1)
	stuck, other := b.Open(nil), b.Open(nil)
	stuck.Add(mib)
	if !other.Room() {
		t.Error("no room for a task that holds nothing")
	}
	other.Add(1)
	if other.Room() {
		t.Error("room beyond the minimum in a budget that is used up")
	}
}

func TestNoLimit(t *testing.T) {
	var none *Account
	a := New(0).Open(nil)
	a.Add(1 << 40)
	none.Add(1)
	if !a.Room() || !none.Room() || a.Used() != 1<<40 || none.Used() != 0 || a.Share() != 0 {
		t.Error("an account without a limit has one")
	}
	a.Close()
	none.Close()
}

// Counting from many goroutines ends at zero.
func TestConcurrentCounting(t *testing.T) {
	b := New(mib)
	var wg sync.WaitGroup
	var accounts []*Account
	for range 8 {
		a := b.Open(func() {})
		accounts = append(accounts, a)
		for range 2 {
			wg.Go(func() {
				for i := range int64(2000) {
					a.Add(i * 100)
					a.Room()
					a.Add(-i * 100)
				}
			})
		}
	}
	wg.Wait()
	for _, a := range accounts {
		a.Room()
	}
	if b.Used() != 0 {
		t.Errorf("used %d at the end", b.Used())
	}
}

func TestDefault(t *testing.T) {
	for _, c := range []struct {
		name          string
		goLimit       int64
		cgroup, total string
		want          int64
	}{
		{"GOMEMLIMIT", 100 * mib, "50000000", "MemTotal: 1000 kB\n", 50 * mib},
		{"control group", math.MaxInt64, "209715200\n", "MemTotal:   16000000 kB\n", 100 * mib},
		{"no limit", math.MaxInt64, "max\n", "MemFree: 1 kB\nMemTotal: 4096 kB\n", mib},
		{"a limit beyond the machine", math.MaxInt64, "9223372036854771712", "MemTotal: 4096 kB\n", mib},
		{"nothing known", math.MaxInt64, "", "", 1 << 30},
	} {
		root := t.TempDir()
		for name, text := range map[string]string{"sys/fs/cgroup/memory.max": c.cgroup, "proc/meminfo": c.total} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := defaultOf(c.goLimit, root); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

package hdfs

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

var layouts = map[string]config.Props{
	"default partitioner": {},
	"field partitioner":   {"partitioner.class": partitionerPackage + "FieldPartitioner", "partition.field.name": "country"},
	"time partitioner": {
		"partitioner.class": partitionerPackage + "TimeBasedPartitioner", "partition.duration.ms": "2000", "path.format": "ss",
		"locale": "en", "timezone": "UTC", "timestamp.extractor": "RecordField", "timestamp.field": "at",
	},
}

const limit = 60

func log1() map[connect.TopicPartition]int64 { return map[connect.TopicPartition]int64{tp0: 12} }

// TestCrashAtEveryCall kills a task at each call of the file system, before and after it is carried out, and lets a new one go on.
func TestCrashAtEveryCall(t *testing.T) {
	for name, props := range layouts {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after=%v", name, after), func(t *testing.T) {
				for n := 1; ; n++ {
					root := memDir(t)
					f := &faultFS{fileSystem: localFS{root: root}}
					f.hook = func(i int) (error, error) {
						switch {
						case i > n || i == n && !after:
							return errInjected, nil
						case i == n:
							return nil, errInjected
						}
						return nil, nil
					}
					group := connect.Offsets{}
					first := newWorker(t, f, props, log1(), group)
					dead := func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.n > n+20 }
					if err := first.run(t, limit, dead); err != nil {
						t.Fatalf("call %d: %v", n, err)
					}
					second := newWorker(t, localFS{root: root}, props, log1(), group)
					if err := second.run(t, limit, nil); err != nil {
						t.Fatalf("after a crash at call %d: %v", n, err)
					}
					verify(t, root, log1())
					if t.Failed() {
						t.Fatalf("crash at call %d of %v", n, f.calls)
					}
					if f.n < n {
						if n < 20 {
							t.Fatalf("only %d calls: the test does not test", n)
						}
						return
					}
				}
			})
		}
	}
}

// TestFailureAtEveryCall lets one call fail, carried out or not; the same task must get over it.
func TestFailureAtEveryCall(t *testing.T) {
	for name, props := range layouts {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after=%v", name, after), func(t *testing.T) {
				for n := 1; ; n++ {
					root := memDir(t)
					f := &faultFS{fileSystem: localFS{root: root}}
					f.hook = func(i int) (error, error) {
						switch {
						case i == n && after:
							return nil, errInjected
						case i == n:
							return errInjected, nil
						}
						return nil, nil
					}
					w := newWorker(t, f, props, log1(), connect.Offsets{})
					if err := w.run(t, limit, nil); err != nil {
						t.Fatalf("call %d: %v", n, err)
					}
					if !w.done() {
						t.Fatalf("call %d failed once and the task never got over it: %v\n%v", n, w.last, f.calls)
					}
					verify(t, root, log1())
					if t.Failed() {
						t.Fatalf("failure of call %d of %v", n, f.calls)
					}
					if f.n < n {
						return
					}
				}
			})
		}
	}
}

// TestFailuresOfSeveralPartitions: what one partition has to read again must not get lost while another one holds the batch. Some
// calls fail, and from time to time a rival takes a partition away.
func TestFailuresOfSeveralPartitions(t *testing.T) {
	for _, drops := range []bool{false, true} {
		for seed := range uint64(60) {
			root := memDir(t)
			rnd := rand.New(rand.NewPCG(seed, 1))
			var mu sync.Mutex
			f := &faultFS{fileSystem: localFS{root: root}}
			f.hook = func(i int) (before, after error) {
				mu.Lock()
				defer mu.Unlock()
				if i > 400 {
					return nil, nil
				}
				switch rnd.IntN(20) {
				case 0:
					return errInjected, nil
				case 1:
					return nil, errInjected
				}
				return nil, nil
			}
			log := map[connect.TopicPartition]int64{}
			for p := range int32(3) {
				log[connect.TopicPartition{Topic: "orders", Partition: p}] = 24
			}
			w := newWorker(t, f, layouts["field partitioner"], log, connect.Offsets{})
			w.drops, w.batch = drops, 1+int(seed%7)
			if err := w.open(t); err != nil {
				t.Fatal(err)
			}
			for range 12 {
				if err := w.drive(t, 3, nil); err != nil {
					t.Fatal(err)
				}
				rival, err := newWriter(&settings{fs: localFS{root: root}, layout: layout{topics: "topics", logs: "logs"}, log: slog.New(slog.DiscardHandler)},
					connect.TopicPartition{Topic: "orders", Partition: rnd.Int32N(3)})
				if err != nil {
					t.Fatal(err)
				}
				if err := rival.fence(); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.drive(t, 600, nil); err != nil {
				t.Fatal(err)
			}
			if !w.done() {
				t.Fatalf("seed %d: not done: %v", seed, w.last)
			}
			verify(t, root, log)
			if t.Failed() {
				t.Fatalf("seed %d, drops %v", seed, drops)
			}
		}
	}
}

// TestZombieAtEveryCall stops a task in mid-call, before or after the call is carried out, lets a successor commit some or all
// records, and wakes the first one up: nothing it does may add a record twice or take one away.
func TestZombieAtEveryCall(t *testing.T) {
	for name, props := range layouts {
		for _, after := range []bool{false, true} {
			for _, part := range []int{2, limit} {
				t.Run(fmt.Sprintf("%s, after=%v, successor=%d steps", name, after, part), func(t *testing.T) {
					for n := 1; ; n++ {
						if reached := zombie(t, props, n, after, part); !reached {
							return
						}
					}
				})
			}
		}
	}
}

func zombie(t *testing.T, props config.Props, n int, after bool, part int) bool {
	root := memDir(t)
	stopped, wake := make(chan struct{}), make(chan struct{})
	var reached atomic.Bool
	stop := func() {
		reached.Store(true)
		close(stopped)
		<-wake
	}
	g := &faultFS{fileSystem: localFS{root: root}}
	g.hook = func(i int) (error, error) {
		if i == n && !after {
			stop()
		}
		return nil, nil
	}
	if after { // the call is carried out below, and its answer comes late
		g.fileSystem = &lateFS{faultFS{fileSystem: localFS{root: root}}, n, stop}
	}
	first := newWorker(t, g, props, log1(), connect.Offsets{})
	var wg sync.WaitGroup
	ended := make(chan struct{})
	wg.Go(func() {
		defer close(ended)
		if err := first.run(t, limit, nil); err != nil {
			t.Errorf("the zombie failed at call %d: %v", n, err)
		}
	})
	select {
	case <-stopped:
	case <-ended:
	}
	group := connect.Offsets{}
	second := newWorker(t, localFS{root: root}, props, log1(), group)
	second.batch = 4
	if err := second.run(t, part, nil); err != nil {
		t.Fatalf("the successor failed: %v", err)
	}
	close(wake)
	wg.Wait()
	if err := second.drive(t, limit, nil); err != nil {
		t.Fatalf("the successor failed: %v", err)
	}
	third := newWorker(t, localFS{root: root}, props, log1(), group)
	if err := third.run(t, limit, nil); err != nil {
		t.Fatalf("the third one failed: %v", err)
	}
	verify(t, root, log1())
	if t.Failed() {
		t.Fatalf("zombie at call %d of %v", n, g.calls)
	}
	return reached.Load()
}

// lateFS carries call n out and answers late.
type lateFS struct {
	faultFS
	n    int
	stop func()
}

func (l *lateFS) late(do func() error) error {
	err := do()
	l.mu.Lock()
	l.faultFS.n++
	hit := l.faultFS.n == l.n
	l.mu.Unlock()
	if hit {
		l.stop()
	}
	return err
}

func (l *lateFS) Create(name string) (out file, err error) {
	err = l.late(func() (err error) { out, err = l.fileSystem.Create(name); return err })
	return out, err
}

func (l *lateFS) Rename(a, b string) error {
	return l.late(func() error { return l.fileSystem.Rename(a, b) })
}

func (l *lateFS) Stat(name string) (e entry, err error) {
	err = l.late(func() (err error) { e, err = l.fileSystem.Stat(name); return err })
	return e, err
}

func (l *lateFS) List(dir string) (e []entry, err error) {
	err = l.late(func() (err error) { e, err = l.fileSystem.List(dir); return err })
	return e, err
}

func (l *lateFS) ReadFile(name string) (b []byte, err error) {
	err = l.late(func() (err error) { b, err = l.fileSystem.ReadFile(name); return err })
	return b, err
}

func (l *lateFS) Mkdir(dir string) error {
	return l.late(func() error { return l.fileSystem.Mkdir(dir) })
}
func (l *lateFS) Remove(name string) error {
	return l.late(func() error { return l.fileSystem.Remove(name) })
}

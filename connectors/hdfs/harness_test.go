package hdfs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

var (
	rowSchema = data.MakeStruct("shop.Order").Field("id", data.Int64Schema).Field("country", data.OptionalStringSchema).
			Field("at", data.TimestampSchema).Build()
	tp0 = connect.TopicPartition{Topic: "orders", Partition: 0}
)

// memDir is a folder for tests that make thousands of small files: in memory where the system has a place for that.
func memDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "connectd") //nolint:usetesting // t.TempDir is on the disk, which takes ten times as long
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func order(tp connect.TopicPartition, offset int64) *connect.SinkRecord {
	st := data.NewStruct(rowSchema)
	st.Set(0, data.Int64(offset))
	st.Set(1, data.String([]string{"de", "fr", "it"}[offset%3]))
	st.Set(2, data.Timestamp(offset*1000))
	r := &connect.SinkRecord{Original: connect.TopicOffset{TopicPartition: tp, Offset: offset}}
	r.Topic, r.Partition, r.Offset, r.Timestamp = tp.Topic, tp.Partition, offset, offset*1000
	r.Value = data.Datum{Schema: rowSchema, Value: data.Of(st)}
	return r
}

// control is the runtime's side of a task.
type control struct {
	mu      sync.Mutex
	seek    connect.Offsets
	timeout time.Duration
}

func (c *control) Assignment() []connect.TopicPartition { return nil }
func (c *control) Pause(...connect.TopicPartition)      {}
func (c *control) Resume(...connect.TopicPartition)     {}
func (c *control) RequestCommit()                       {}
func (c *control) Reporter() connect.Reporter           { return nil }
func (c *control) Timeout(d time.Duration)              { c.timeout = d }
func (c *control) Seek(to connect.Offsets) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for tp, o := range to {
		c.seek[tp] = o
	}
}

// worker drives a task as the sink task loop does, over a log of records in memory.
type worker struct {
	task  *task
	ctl   *control
	log   map[connect.TopicPartition]int64 // end of each partition
	pos   connect.Offsets
	held  []*connect.SinkRecord
	group connect.Offsets
	batch int
	drops bool // a seek takes effect at once and drops records of a held batch, as in connectd's own loop
	last  error
}

func newWorker(t *testing.T, f fileSystem, props config.Props, log map[connect.TopicPartition]int64, group connect.Offsets) *worker {
	t.Helper()
	p := config.Props{"store.url": "hdfs://test:8020", "flush.size": "4", "format.class": jsonFormat, "retry.backoff.ms": "0"}
	for k, v := range props {
		p[k] = v
	}
	v, err := def.Parse(p)
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{task: newTask(), ctl: &control{seek: connect.Offsets{}}, log: log, pos: connect.Offsets{}, group: group, batch: 7}
	w.task.connectFS = func() (fileSystem, string, error) { return f, "/", nil }
	err = w.task.Start(t.Context(), connect.SinkTaskContext{Config: v, Control: w.ctl, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *worker) open(t *testing.T) error {
	var parts []connect.TopicPartition
	for tp := range w.log {
		parts = append(parts, tp)
		w.pos[tp] = w.group[tp]
	}
	slices.SortFunc(parts, func(a, b connect.TopicPartition) int { return int(a.Partition - b.Partition) })
	return w.task.Open(t.Context(), parts)
}

// step is one turn of the loop. It returns an error that would fail the task.
func (w *worker) step(t *testing.T) error {
	if len(w.held) == 0 || w.drops {
		for tp, o := range w.ctl.seek {
			w.pos[tp] = o
			delete(w.ctl.seek, tp)
			w.held = slices.DeleteFunc(w.held, func(r *connect.SinkRecord) bool { return r.Original.TopicPartition == tp })
		}
	}
	if len(w.held) == 0 {
		for tp, end := range w.log {
			for n := 0; w.pos[tp] < end && n < w.batch; n++ {
				w.held = append(w.held, order(tp, w.pos[tp]))
				w.pos[tp]++
			}
		}
	}
	err := w.task.Put(t.Context(), w.held)
	w.last = err
	if _, again := connect.RetryAfter(err); again {
		return nil
	}
	w.held = nil
	if err != nil {
		return err
	}
	got, err := w.task.PreCommit(t.Context(), w.pos)
	for tp, o := range got {
		w.group[tp] = o
	}
	return err
}

// done tells whether all is committed.
func (w *worker) done() bool {
	for tp, end := range w.log {
		if x := w.task.writers[tp]; x == nil || x.state != writing || x.committed != end {
			return false
		}
	}
	return true
}

// run opens and steps until all is committed, stop says so, or the limit is reached.
func (w *worker) run(t *testing.T, limit int, stop func() bool) error {
	t.Helper()
	if err := w.open(t); err != nil {
		return err
	}
	return w.drive(t, limit, stop)
}

func (w *worker) drive(t *testing.T, limit int, stop func() bool) error {
	for range limit {
		if w.done() || stop != nil && stop() {
			return nil
		}
		if err := w.step(t); err != nil {
			return err
		}
	}
	return nil
}

// verify checks that the files hold each record of the log exactly once.
func verify(t *testing.T, root string, log map[connect.TopicPartition]int64) {
	t.Helper()
	seen := map[connect.TopicPartition]map[int64]int{}
	for tp := range log {
		seen[tp] = map[int64]int{}
	}
	for _, file := range committedFiles(t, root) {
		topic, p, end, ok := parseName(filepath.Base(file))
		if !ok {
			t.Fatalf("the file %s is not named like a committed one", file)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sc := bufio.NewScanner(bytes.NewReader(b))
		for sc.Scan() {
			var row struct{ ID int64 }
			if err := json.Unmarshal(sc.Bytes(), &row); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if row.ID > end {
				t.Errorf("%s holds record %d", file, row.ID)
			}
			seen[connect.TopicPartition{Topic: topic, Partition: p}][row.ID]++
		}
	}
	for tp, end := range log {
		for o := range end {
			if n := seen[tp][o]; n != 1 {
				t.Errorf("record %s offset %d is there %d times", tp, o, n)
			}
		}
	}
}

func committedFiles(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "+tmp" {
			return filepath.SkipDir
		}
		if err == nil && !d.IsDir() && strings.Contains(p, "/topics/") {
			out = append(out, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var errInjected = errors.New("injected failure")

// faultFS numbers the calls of one instance and lets a test decide about each. before != nil: the call is not carried out. A hook
// may also block.
type faultFS struct {
	fileSystem
	mu    sync.Mutex
	n     int
	calls []string
	hook  func(n int) (before, after error)
}

func (f *faultFS) call(what string, do func() error) error {
	f.mu.Lock()
	f.n++
	n := f.n
	f.calls = append(f.calls, fmt.Sprintf("%d %s", n, what))
	f.mu.Unlock()
	before, after := f.hook(n)
	if before != nil {
		return before
	}
	err := do()
	if after != nil {
		return after
	}
	return err
}

func (f *faultFS) Create(name string) (file, error) {
	var out file
	err := f.call("create "+name, func() (err error) { out, err = f.fileSystem.Create(name); return err })
	if err != nil {
		return nil, err
	}
	return &faultFile{out, f, name}, nil
}

type faultFile struct {
	file
	f    *faultFS
	name string
}

// Write tears: half of the bytes arrive before a failure.
func (x *faultFile) Write(b []byte) (int, error) {
	half := len(b) / 2
	if _, err := x.file.Write(b[:half]); err != nil {
		return 0, err
	}
	err := x.f.call("write "+x.name, func() error { _, err := x.file.Write(b[half:]); return err })
	if err != nil {
		return half, err
	}
	return len(b), nil
}

func (x *faultFile) Close() error { return x.f.call("close "+x.name, x.file.Close) }

func (f *faultFS) Rename(a, b string) error {
	return f.call("rename "+a+" "+b, func() error { return f.fileSystem.Rename(a, b) })
}

func (f *faultFS) Stat(name string) (e entry, err error) {
	err = f.call("stat "+name, func() (err error) { e, err = f.fileSystem.Stat(name); return err })
	return e, err
}

func (f *faultFS) List(dir string) (e []entry, err error) {
	err = f.call("list "+dir, func() (err error) { e, err = f.fileSystem.List(dir); return err })
	return e, err
}

func (f *faultFS) ReadFile(name string) (b []byte, err error) {
	err = f.call("read "+name, func() (err error) { b, err = f.fileSystem.ReadFile(name); return err })
	return b, err
}

func (f *faultFS) Mkdir(dir string) error {
	return f.call("mkdir "+dir, func() error { return f.fileSystem.Mkdir(dir) })
}

func (f *faultFS) Remove(name string) error {
	return f.call("remove "+name, func() error { return f.fileSystem.Remove(name) })
}

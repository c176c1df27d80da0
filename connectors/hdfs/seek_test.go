package hdfs

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// failFS fails all calls about names that hold a text, while it is on.
type failFS struct {
	fileSystem
	text string
	on   atomic.Bool
}

func (f *failFS) Create(name string) (file, error) {
	if f.on.Load() && strings.Contains(name, f.text) {
		return nil, errInjected
	}
	return f.fileSystem.Create(name)
}

// TestReadAgainWhileAnotherPartitionHoldsTheBatch: partition 0 is fenced off and has to be read again, partition 1 cannot commit. The
// runtime seeks at once and drops what it holds of partition 0, so that the next batch is a new one although the last Put failed.
func TestReadAgainWhileAnotherPartitionHoldsTheBatch(t *testing.T) {
	root := t.TempDir()
	tp1 := connect.TopicPartition{Topic: "orders", Partition: 1}
	f := &failFS{fileSystem: localFS{root: root}, text: "/+1/"}
	log := map[connect.TopicPartition]int64{tp0: 0, tp1: 1}
	w := newWorker(t, f, config.Props{"rotate.interval.ms": "60000"}, log, connect.Offsets{})
	w.drops = true
	clock := at
	w.task.now = func() time.Time { return clock }
	if err := w.open(t); err != nil {
		t.Fatal(err)
	}
	if err := w.step(t); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(time.Minute)
	f.on.Store(true)
	rival, err := newWriter(&settings{fs: localFS{root: root}, layout: layout{topics: "topics", logs: "logs"}, log: slog.New(slog.DiscardHandler)}, tp0)
	if err != nil {
		t.Fatal(err)
	}
	if err := rival.fence(); err != nil {
		t.Fatal(err)
	}
	log[tp0] = 4
	for range 5 {
		if err := w.step(t); err != nil {
			t.Fatal(err)
		}
		log[tp0] = 12
	}
	if w.last == nil {
		t.Fatal("partition 1 did not fail: the test does not test")
	}
	f.on.Store(false)
	if err := w.drive(t, limit, nil); err != nil {
		t.Fatal(err)
	}
	verify(t, root, log)
}

package sourcetask_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/internal/kafkatest"
	"github.com/connectd/connectd/runtime/memory"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/sourcetask"
)

const (
	walkParts = 3
	walkEach  = 250 // records of a source partition
)

// kindOf is what record i of partition p is: "good", "drop" (filtered) or "bad" (no converter takes it).
func kindOf(p, i int) string {
	switch (p*31 + i*7) % 11 {
	case 3:
		return "drop"
	case 5:
		return "bad"
	}
	return "good"
}

// walk is a task that hands out the records of its partitions from the offsets it finds, a random number at a time. What it gets back to
// use again it spoils.
type walk struct {
	rnd   *rand.Rand
	start func() map[string]int
	hook  connect.Transaction // nil: transactions end elsewhere

	parts []*connect.SourcePartition
	next  []int
	ended chan struct{} // closed when all was handed out
	mu    sync.Mutex
	heard map[string]int
}

func (w *walk) Start(_ context.Context, tc connect.SourceTaskContext) error {
	w.hook = tc.Transaction
	at := w.start()
	for p := range walkParts {
		w.parts = append(w.parts, partition(strconv.Itoa(p)))
		w.next = append(w.next, at[strconv.Itoa(p)]+1)
	}
	return nil
}

func (w *walk) Stop(context.Context) error { return nil }

func (w *walk) Poll(ctx context.Context) (out []*connect.SourceRecord, err error) {
	if w.rnd.IntN(2) == 0 {
		pipeline.Sleep(ctx, time.Duration(w.rnd.IntN(2000))*time.Microsecond) // else a run is over before anything can go wrong
	}
	for range 1 + w.rnd.IntN(8) {
		p := w.rnd.IntN(walkParts)
		i := w.next[p]
		if i > walkEach {
			continue
		}
		w.next[p]++
		out = append(out, record(w.parts[p], i, "one", fmt.Sprintf("%s %d/%d", kindOf(p, i), p, i)))
	}
	if w.hook != nil && len(out) > 0 {
		switch w.rnd.IntN(4) {
		case 0:
			w.hook.Commit()
		case 1:
			w.hook.CommitAfter(out[w.rnd.IntN(len(out))])
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	for p := range walkParts {
		if w.next[p] <= walkEach {
			return nil, nil
		}
	}
	if w.ended != nil {
		close(w.ended)
		w.ended = nil
		if w.hook != nil {
			w.hook.Commit()
		}
		return nil, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (w *walk) Recycle(batch []*connect.SourceRecord) {
	for _, r := range batch {
		*r = connect.SourceRecord{Record: connect.Record{Topic: "spoiled", Value: data.Datum{Value: data.String("spoiled")}}}
	}
}

// walkHearing also counts what it hears of.
type walkHearing struct{ *walk }

func (w walkHearing) RecordCommitted(r *connect.SourceRecord, _ *connect.RecordMetadata) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard[r.Value.Value.String()]++
}

// picky takes no value that begins with "bad".
type picky struct{ text }

func (picky) Append(ctx context.Context, dst []byte, topic string, h *connect.WireHeaders, d data.Datum) ([]byte, bool, error) {
	if !d.Value.IsNull() && strings.HasPrefix(d.Value.String(), "bad") {
		return dst, false, errors.New("picky")
	}
	return text{}.Append(ctx, dst, topic, h, d)
}

// weather is what goes wrong between clients and broker; everything is calm while calm is set.
type weather struct {
	mu   sync.Mutex
	rnd  *rand.Rand
	calm atomic.Bool
}

func (w *weather) chance(n int) bool {
	if w.calm.Load() {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rnd.IntN(n) == 0
}

// dialer makes connections that break while an answer is awaited: the broker may have done what it was asked for.
func (w *weather) dialer(ctx context.Context, network, host string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, host)
	return &brittle{c, w}, err
}

type brittle struct {
	net.Conn
	w *weather
}

func (b *brittle) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if b.w.chance(40) {
		_ = b.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

// refusals answers some requests with errors.
func (w *weather) refusals(c *kfake.Cluster) {
	errs := []*kerr.Error{kerr.NotLeaderForPartition, kerr.RequestTimedOut, kerr.NotEnoughReplicas, kerr.InvalidRecord}
	c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if !w.chance(8) {
			return nil, nil, false
		}
		w.mu.Lock()
		e := errs[w.rnd.IntN(len(errs))]
		w.mu.Unlock()
		if r := req.(*kmsg.ProduceRequest); e == kerr.InvalidRecord && r.Topics[0].TopicID != c.TopicInfo("one").TopicID {
			return nil, nil, false // a dead letter that is refused fails the task; there are better ways to do so
		}
		return refuse(req.(*kmsg.ProduceRequest), e.Code), nil, true
	})
	c.ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if !w.chance(10) {
			return nil, nil, false
		}
		res := req.ResponseKind().(*kmsg.EndTxnResponse)
		res.ErrorCode = kerr.CoordinatorLoadInProgress.Code
		return res, nil, true
	})
}

// voyage is one test: a task that lives several times on one cluster.
type voyage struct {
	t     *testing.T
	c     *kfake.Cluster
	sky   *weather
	rnd   *rand.Rand
	x     *sourcetask.Boundary // nil: at least once
	store *offsets
	mem   *memory.Budget
	ghost *running // an earlier run that has not been stopped; nil: none
	fails int
	// fanOut: batches are converted on several threads.
	fanOut bool
}

func (v *voyage) stored() map[string]int {
	out := map[string]int{}
	put := func(p, o string) {
		p, _ = strconv.Unquote(p)
		out[p], _ = strconv.Atoi(o)
	}
	if v.x != nil {
		for _, r := range kafkatest.Dump(v.t, v.c, "offsets") {
			put(string(r.Key), string(r.Value))
		}
		return out
	}
	v.store.mu.Lock()
	defer v.store.mu.Unlock()
	for p, o := range v.store.byKey {
		put(p, o)
	}
	return out
}

// live runs the task once, until all is handed out if last, and then to its end.
func (v *voyage) live(last bool) {
	w := &walk{rnd: rand.New(rand.NewPCG(v.rnd.Uint64(), 1)), start: v.stored, ended: make(chan struct{}), heard: map[string]int{}}
	ended := w.ended
	var task connect.SourceTask = w
	if v.rnd.IntN(2) == 0 {
		task = walkHearing{w}
	}
	net := []kgo.Opt{kgo.SeedBrokers(v.c.ListenAddrs()...), kgo.Dialer(v.sky.dialer), kgo.ProducerLinger(0), kgo.MetadataMinAge(10 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return time.Millisecond })}
	d, err := pipeline.NewDeadLetter(pipeline.DeadLetterConfig{Topic: "dlq", ContextHeaders: true, Producer: net, Key: plain{}, Value: plain{}, Log: quiet})
	if err != nil {
		v.t.Fatal(err)
	}
	r := run(v.t, v.c, task, v.store, func(c *sourcetask.Config) {
		chain := pipeline.Config{Key: text{}, Value: picky{}, Steps: []pipeline.Step{{Class: "drop", Transform: dropPrefix{}}},
			Errors: pipeline.Errors{Tolerance: pipeline.All}, DeadLetter: d, Log: quiet}
		c.Chain = pipeline.New(chain)
		if v.fanOut {
			sourcetask.FanOutSmall(c)
			c.AnotherChain = func() (*pipeline.Chain, error) { return pipeline.New(chain), nil }
		}
		c.Producer = append(c.Producer, net...)
		c.CommitInterval, c.CommitTimeout, c.MaxBufferedBytes, c.Memory = 3*time.Millisecond, 2*time.Second, 4<<10, v.mem
		if v.x != nil {
			exactlyOnce(&sourcetask.Transaction{Boundary: *v.x, Interval: 5 * time.Millisecond, Offsets: txnOffsets{make(chan string, 10000)}})(c)
			c.CommitTimeout = 2 * time.Second
		}
	})
	if last {
		select {
		case <-ended:
		case err := <-r.done:
			v.t.Fatalf("the last run failed: %v", err)
		case <-time.After(20 * time.Second):
			v.t.Fatal("the last run hangs")
		}
		if v.rnd.IntN(2) == 0 {
			r.Pause()
			r.Resume()
		}
		r.stop()
		if err := r.wait(v.t); err != nil {
			v.t.Fatal(err)
		}
		v.lay()
		return
	}
	age := time.After(time.Duration(v.rnd.IntN(60)) * time.Millisecond)
	for alive := true; alive; {
		select {
		case <-age:
			alive = false
		case <-time.After(time.Duration(1+v.rnd.IntN(15)) * time.Millisecond):
			r.Pause()
			r.Resume()
		case err := <-r.done:
			r.done <- err
			alive = false
		}
	}
	v.lay()
	switch {
	case v.x != nil && v.rnd.IntN(4) == 0:
		v.ghost = r // a worker that hangs, and does not know that another has its task
		return
	case v.rnd.IntN(4) == 0:
		r.Abandon()
	}
	r.stop()
	if err := r.wait(v.t); err != nil {
		v.fails++
	}
}

// lay ends the ghost, if there is one.
func (v *voyage) lay() {
	if v.ghost == nil {
		return
	}
	v.ghost.stop()
	if err := v.ghost.wait(v.t); err != nil {
		v.fails++
	}
	v.ghost = nil
}

// check looks at what is there: invariants 1 and 6, and with transactions each record once.
func (v *voyage) check(final bool) {
	v.t.Helper()
	letters := map[string]bool{}
	for _, r := range kafkatest.Dump(v.t, v.c, "dlq") {
		h := headersOf(r)
		p, _ := strconv.Unquote(h["source.partition"])
		letters[p+"/"+h["source.offset"]] = true
	}
	there := map[string]int{}
	for _, s := range values(v.t, v.c, "one") {
		kind, id, _ := strings.Cut(s, " ")
		p, n, _ := strings.Cut(id, "/")
		part, _ := strconv.Atoi(p)
		at, _ := strconv.Atoi(n)
		if kind != "good" || kindOf(part, at) != "good" {
			v.t.Errorf("%q was written", s)
		}
		there[id]++
		for i := 1; i < at; i++ {
			if earlier := fmt.Sprintf("%d/%d", part, i); kindOf(part, i) == "good" && there[earlier] == 0 && !letters[earlier] {
				v.t.Fatalf("%s was written before %s", id, earlier)
			}
		}
		if v.x != nil && there[id] > 1 {
			v.t.Fatalf("%s was committed %d times", id, there[id])
		}
	}
	stored := v.stored()
	for p := range walkParts {
		upto := stored[strconv.Itoa(p)]
		if final && upto != walkEach {
			v.t.Errorf("the offset of partition %d is %d in the end", p, upto)
		}
		for i := 1; i <= upto; i++ {
			id := fmt.Sprintf("%d/%d", p, i)
			switch kindOf(p, i) {
			case "good":
				if there[id] == 0 && (v.x != nil || !letters[id]) {
					v.t.Fatalf("offset %d of partition %d is stored, and %s is lost", upto, p, id)
				}
			case "bad":
				if !letters[id] {
					v.t.Fatalf("offset %d of partition %d is stored, and the dead letter of %s is lost", upto, p, id)
				}
			}
		}
	}
	for id := range there {
		p, n, _ := strings.Cut(id, "/")
		if at, _ := strconv.Atoi(n); v.x != nil && at > stored[p] {
			v.t.Fatalf("%s is committed without its offset, which is %d", id, stored[p])
		}
	}
}

// TestRandomVoyages: tasks that are stopped, paused, abandoned and started again while the network and the broker fail lose nothing, keep
// the order, and with transactions write each record once.
func TestRandomVoyages(t *testing.T) {
	boundaries := []sourcetask.Boundary{sourcetask.BoundaryPoll, sourcetask.BoundaryInterval, sourcetask.BoundaryConnector}
	for mode := range 1 + len(boundaries) {
		for n := range voyages(t) {
			seed := uint64(n)*10 + uint64(mode)
			t.Run(fmt.Sprintf("%s/%d", [...]string{"at least once", "poll", "interval", "connector"}[mode], seed), func(t *testing.T) {
				t.Parallel()
				v := &voyage{t: t, c: newCluster(t, kfake.SeedTopics(1, "dlq", "offsets")), sky: &weather{rnd: rand.New(rand.NewPCG(seed, 2))},
					rnd: rand.New(rand.NewPCG(seed, 3)), store: newOffsets(), mem: memory.New(16 << 10), fanOut: n%2 == 1}
				if mode > 0 {
					v.x = &boundaries[mode-1]
				}
				v.sky.refusals(v.c)
				lives := 8
				for range lives {
					if v.live(false); v.ghost != nil {
						continue
					}
					v.sky.calm.Store(true)
					v.check(false)
					v.sky.calm.Store(false)
				}
				v.sky.calm.Store(true)
				v.live(true)
				v.check(true)
				t.Logf("seed %d: %d of %d runs failed or were abandoned", seed, v.fails, lives)
			})
		}
	}
}

func voyages(t *testing.T) int {
	n := 2
	if s := os.Getenv("VOYAGES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

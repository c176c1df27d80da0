package sourcetask

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/pipeline"
)

const (
	fanoutLeast = 512 // records of a batch from which on lanes help
	fanoutChunk = 64  // records that are taken at a time
)

// What became of a record ahead of its turn, in fanout.got.
const (
	notAhead     uint8 = iota // nothing, or it failed: the sender converts it in its turn
	aheadKept                 // its kgo.Record is ready
	aheadDropped              // filtered
)

// fanout converts the records of large batches ahead of their turn, on lanes: further instances of the chain with a goroutine each. A batch
// is cut into chunks that the lanes take in order. The sender goes through the batch in order all the same and is the only one to
// produce. It converts the chunks that nobody has taken when their turn comes, and helps with later ones where it would have to wait. What
// fails on a lane is put back and fails again in its turn, on the task's own chain: there is one place for errors.
//
// Methods are the sender's alone. A nil *fanout does nothing.
type fanout struct {
	t       *Task
	chunk   int                             // records: fanoutChunk
	least   int                             // records of a batch: fanoutLeast
	most    int                             // lanes
	another func() (*pipeline.Chain, error) // makes another instance of the chain
	lanes   []*lane                         // made with the first large batch
	ctx     context.Context                 // of plugins; ends with the sending, and when a batch failed
	cancel  context.CancelFunc
	living  sync.WaitGroup // goroutines

	// The batch in hand: written by the sender while no lane works, nil between batches.
	b       *block
	batch   []*connect.SourceRecord
	chunks  int32
	done    []atomic.Bool // by chunk: it was taken, and whoever took it has finished
	got     []uint8       // by record; whoever has taken the chunk writes it, before done
	next    atomic.Int32  // the first chunk that nobody has taken
	stopped atomic.Bool   // no more chunks are taken ahead
	working sync.WaitGroup
	wake    chan struct{} // one token: a lane has finished a chunk
}

// lane is one further instance of the chain.
type lane struct {
	chain *pipeline.Chain
	buf   *pipeline.Buffer // of the block in hand
	begin chan struct{}    // one token: there is a batch
}

// newFanout is nil if batches are not to be fanned out.
func newFanout(t *Task) *fanout {
	if t.cfg.Threads < 2 || t.cfg.AnotherChain == nil || !t.cfg.Chain.Several() {
		return nil
	}
	return &fanout{t: t, least: cmp.Or(t.cfg.fanoutLeast, fanoutLeast), chunk: cmp.Or(t.cfg.fanoutChunk, fanoutChunk), most: t.cfg.Threads - 1, another: t.cfg.AnotherChain, wake: make(chan struct{}, 1)}
}

// open makes the lanes. One that cannot be made is done without.
func (f *fanout) open() {
	f.ctx, f.cancel = context.WithCancel(f.t.send)
	for len(f.lanes) < f.most {
		var c *pipeline.Chain
		err := protect(func() (err error) { c, err = f.another(); return err })
		if err != nil {
			f.t.cfg.Log.Warn("Transforms and converters cannot be made once more; batches are converted by fewer threads", "error", err)
			f.most = len(f.lanes)
			return
		}
		l := &lane{chain: c, begin: make(chan struct{}, 1)}
		f.lanes = append(f.lanes, l)
		f.living.Go(func() { f.serve(l) })
	}
}

// end ends the goroutines of the lanes.
func (f *fanout) end() {
	if f == nil || f.cancel == nil {
		return
	}
	f.cancel()
	for _, l := range f.lanes {
		close(l.begin)
	}
	f.living.Wait()
}

// close closes the chains, behind end.
func (f *fanout) close() error {
	if f == nil {
		return nil
	}
	var errs []error
	for _, l := range f.lanes {
		errs = append(errs, protect(l.chain.Close))
	}
	return errors.Join(errs...)
}

// start sets the lanes to work on a batch, if that is worth it.
func (f *fanout) start(b *block, batch []*connect.SourceRecord) {
	if f == nil || len(batch) < f.least || f.most == 0 {
		return
	}
	if f.cancel == nil {
		f.open()
	}
	n := (len(batch) + f.chunk - 1) / f.chunk
	if cap(f.done) < n || cap(f.got) < len(batch) {
		f.done, f.got = make([]atomic.Bool, n), make([]uint8, len(batch))
	}
	f.done, f.got = f.done[:n], f.got[:len(batch)]
	for i := range f.done {
		f.done[i].Store(false)
	}
	clear(f.got)
	f.b, f.batch, f.chunks = b, batch, int32(n)
	f.next.Store(0)
	f.stopped.Store(false)
	for i, l := range f.lanes {
		l.buf = b.laneBuffer(i)
		f.working.Add(1)
		l.begin <- struct{}{}
	}
}

// finish waits until no lane has anything of the batch in hand. A batch that failed is the last: nobody waits for its plugins.
func (f *fanout) finish(failed bool) {
	if f == nil || f.b == nil {
		return
	}
	f.stopped.Store(true)
	if failed {
		f.cancel()
	}
	f.working.Wait()
	f.b, f.batch = nil, nil
}

// converted tells what became of record i of the batch ahead of its turn, which is now; false: nothing yet.
func (f *fanout) converted(i int) (_ pipeline.Outcome, ok bool) {
	if f == nil || f.b == nil {
		return 0, false
	}
	if i%f.chunk == 0 {
		f.reach(int32(i / f.chunk))
	}
	switch f.got[i] {
	case aheadKept:
		return pipeline.Kept, true
	case aheadDropped:
		return pipeline.Filtered, true
	default:
		return 0, false
	}
}

// reach waits until a lane that has taken chunk c has finished it, and converts later ones meanwhile.
func (f *fanout) reach(c int32) {
	if f.next.CompareAndSwap(c, c+1) {
		return // nobody has: its records are converted each in its turn
	}
	for !f.done[c].Load() {
		if !f.ahead(f.t.cfg.Chain, &f.b.buf) {
			<-f.wake
		}
	}
}

// serve is the goroutine of a lane.
func (f *fanout) serve(l *lane) {
	for range l.begin {
		for f.ahead(l.chain, l.buf) {
			select {
			case f.wake <- struct{}{}:
			default:
			}
		}
		f.working.Done()
	}
}

// ahead takes a chunk and converts it; false if there is none left. Any goroutine, with a chain and a buffer of its own.
func (f *fanout) ahead(c *pipeline.Chain, buf *pipeline.Buffer) bool {
	if f.stopped.Load() {
		return false
	}
	n := f.next.Add(1) - 1
	if n >= f.chunks {
		return false
	}
	from := int(n) * f.chunk
	for i := from; i < min(from+f.chunk, len(f.batch)) && !f.stopped.Load(); i++ {
		r := f.batch[i]
		if r == nil {
			break
		}
		o, err := c.Ahead(f.ctx, buf, &r.Record, &f.b.records[i])
		switch {
		case err != nil:
			if _, passing := connect.RetryAfter(err); passing || f.ctx.Err() != nil {
				f.stopped.Store(true) // whatever the plugin needs is away: not everybody need find out
			}
		case o == pipeline.Kept:
			f.got[i] = aheadKept
		default:
			f.got[i] = aheadDropped
		}
	}
	f.done[n].Store(true)
	return true
}

package sourcetask

import (
	"context"
	"fmt"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/pipeline"
)

// commit stores the acknowledged prefix of each source partition and tells the task. One at a time.
func (t *Task) commit(ctx context.Context) error {
	acked := t.track.acknowledged()
	if len(acked) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.cfg.CommitTimeout)
	defer cancel()
	begin := time.Now()
	if err := t.write(ctx, acked); err != nil {
		t.count.commitFail(1)
		return err
	}
	t.count.commitOK(1)
	t.count.commitSecs(time.Since(begin).Seconds())
	t.track.stored(acked)
	t.committed(ctx, acked)
	return nil
}

func (t *Task) write(ctx context.Context, acked []acknowledgedPrefix) error {
	ps := make([]connect.Position, len(acked))
	for i, a := range acked {
		ps[i] = a.pos
	}
	offsets, err := render(ps)
	if err != nil {
		return err
	}
	if t.fence.Closed() {
		return pipeline.ErrAbandoned // invariant 3
	}
	if err := t.cfg.Offsets.Write(ctx, offsets); err != nil {
		return fmt.Errorf("writing source offsets: %w", err)
	}
	if t.fence.Closed() {
		return pipeline.ErrAbandoned
	}
	return nil
}

// committed tells a Committer. Its error does not undo the commit, so it is only logged.
func (t *Task) committed(ctx context.Context, acked []acknowledgedPrefix) {
	if t.committer == nil {
		return
	}
	ps := make([]connect.Position, len(acked))
	for i, a := range acked {
		ps[i] = a.pos
	}
	if err := protect(func() error { return t.committer.Committed(ctx, ps) }); err != nil {
		t.cfg.Log.Warn("The task could not handle a commit", "error", err)
	}
}

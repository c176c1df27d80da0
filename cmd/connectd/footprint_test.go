package main

import (
	"testing"
	"time"
)

func TestCollectorGivesRoomWhileCollectionsComeFast(t *testing.T) {
	const mb = 1 << 20
	start := time.Unix(1000, 0)
	c := &collector{last: start, room: leastRoom}
	now := start
	for i, step := range []struct {
		after time.Duration
		live  int64
		room  int64 // beyond live, before the next collection
	}{
		{time.Second, 4 * mb, 4 * mb},
		{10 * time.Millisecond, 4 * mb, 8 * mb},
		{10 * time.Millisecond, 4 * mb, 16 * mb},
		{10 * time.Millisecond, 4 * mb, 32 * mb},
		{10 * time.Millisecond, 4 * mb, 32 * mb},
		{10 * time.Millisecond, 36 * mb, 20 * mb}, // the heap is full
		{10 * time.Millisecond, 100 * mb, 50 * mb},
		{time.Second, 4 * mb, 32 * mb},
		{time.Minute, 4 * mb, 16 * mb},
		{time.Minute, 4 * mb, 8 * mb},
		{time.Minute, 4 * mb, 4 * mb},
		{time.Minute, 4 * mb, 4 * mb},
		{time.Minute, 0, 4 * mb},
	} {
		now = now.Add(step.after)
		live := max(step.live, mb)
		if got := int64(c.percent(now, step.live)) * live / 100; got < step.room*9/10 || got > step.room {
			t.Errorf("step %d: room of %d bytes, want %d", i, got, step.room)
		}
	}
}

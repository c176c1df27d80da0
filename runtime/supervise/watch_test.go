package supervise

import (
	"testing"
	"time"

	"github.com/connectd/connectd/runtime/cluster"
)

func TestWatch(t *testing.T) {
	busy := func(doing string, progress int64) cluster.Signal {
		return cluster.Signal{Doing: doing, Busy: true, Progress: progress}
	}
	idle := cluster.Signal{Doing: "poll", Progress: 7}
	type look struct {
		at   time.Duration
		sigs []cluster.Signal
		want string
	}
	for name, looks := range map[string][]look{
		"an idle task is not stuck":       {{0, []cluster.Signal{idle}, ""}, {time.Hour, []cluster.Signal{idle}, ""}},
		"a working task is not stuck":     {{0, []cluster.Signal{busy("poll", 1)}, ""}, {time.Hour, []cluster.Signal{busy("poll", 2)}, ""}},
		"no progress within the time-out": {{0, []cluster.Signal{busy("poll", 1)}, ""}, {time.Minute, []cluster.Signal{busy("poll", 1)}, ""}},
		"no progress for longer, then progress again": {
			{0, []cluster.Signal{busy("poll", 1)}, ""}, {61 * time.Second, []cluster.Signal{busy("poll", 1)}, "poll 0s"},
			{time.Hour, []cluster.Signal{busy("poll", 1)}, "poll 0s"}, {time.Hour, []cluster.Signal{busy("poll", 2)}, ""},
		},
		"idle in between": {{0, []cluster.Signal{busy("poll", 1)}, ""}, {40 * time.Second, []cluster.Signal{idle}, ""},
			{50 * time.Second, []cluster.Signal{busy("poll", 1)}, ""}, {100 * time.Second, []cluster.Signal{busy("poll", 1)}, ""}},
		"what is stuck longest is told": {{0, []cluster.Signal{busy("a", 1)}, ""}, {time.Second, []cluster.Signal{busy("b", 1), busy("a", 1)}, ""},
			{time.Hour, []cluster.Signal{busy("b", 1), busy("a", 1)}, "a 0s"}, {time.Hour, []cluster.Signal{busy("b", 1), busy("a", 2)}, "b 1s"}},
		"some may take longer": {
			{0, []cluster.Signal{{Doing: "commit", Busy: true, Grace: time.Minute}}, ""},
			{2 * time.Minute, []cluster.Signal{{Doing: "commit", Busy: true, Grace: time.Minute}}, ""},
			{121 * time.Second, []cluster.Signal{{Doing: "commit", Busy: true, Grace: time.Minute}}, "commit 0s"},
		},
	} {
		var w Watch
		begin := time.Unix(0, 0)
		for i, l := range looks {
			got := ""
			if s := w.Look(begin.Add(l.at), time.Minute, l.sigs); s != nil {
				got = s.Doing + " " + s.Since.Sub(begin).String()
			}
			if got != l.want {
				t.Errorf("%s: look %d: %q, want %q", name, i, got, l.want)
			}
		}
	}
}

package elasticsearch

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"
)

func TestPaceHalvesAndRecovers(t *testing.T) {
	p := newPace(8)
	for i, c := range []struct {
		overloaded bool
		bound      int
	}{{true, 4}, {true, 2}, {true, 1}, {true, 1}, {false, 2}, {false, 2}, {false, 2}, {false, 3}} {
		if !p.enter(t.Context()) {
			t.Fatal("not let in")
		}
		p.leave(c.overloaded)
		if int(p.bound) != c.bound {
			t.Errorf("step %d: bound %v, want %d", i, p.bound, c.bound)
		}
	}
	for range 200 {
		p.enter(t.Context())
		p.leave(false)
	}
	if p.bound != 8 {
		t.Errorf("bound %v never came back to 8", p.bound)
	}
}

func TestPaceLetsTheNextInWhenOneLeaves(t *testing.T) {
	p := newPace(1)
	p.enter(t.Context())
	entered := make(chan bool)
	go func() { entered <- p.enter(t.Context()) }()
	p.leave(false)
	if !<-entered {
		t.Error("not let in")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if p.enter(ctx) {
		t.Error("let in beyond the bound")
	}
}

func TestOverload(t *testing.T) {
	for err, want := range map[error]bool{
		nil: false, context.DeadlineExceeded: true, fmt.Errorf("reading: %w", context.DeadlineExceeded): true,
		&statusError{status: http.StatusTooManyRequests}: true, &statusError{status: http.StatusBadGateway}: false, context.Canceled: false,
	} {
		if overload(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
	if d := patience(3*time.Second, 2); d != 12*time.Second {
		t.Errorf("third attempt: %s", d)
	}
	if d := patience(3*time.Second, 40); d != mostPatience {
		t.Errorf("a late attempt: %s", d)
	}
	if d := patience(0, 3); d != 0 {
		t.Errorf("no limit became %s", d)
	}
}

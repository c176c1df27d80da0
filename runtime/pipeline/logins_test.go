package pipeline

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestLogins(t *testing.T) {
	at := time.Unix(1000, 0)
	for name, tt := range map[string]struct {
		steps []struct {
			after   time.Duration
			refused bool
		}
		gives bool
	}{
		"once":           {steps(0, true), false},
		"from the start": {steps(0, true, 3*time.Second, true), true},
		"told once":      {append(steps(0, true, 3*time.Second, true), steps(time.Second, true)...), false},
		"got in":         {steps(0, true, time.Second, false, 3*time.Second, true, 3*time.Second, true), false},
		"no longer":      {steps(0, false, time.Second, true, 30*time.Second, true), true},
		"now and again":  {steps(0, false, time.Second, true, 20*time.Second, false, 20*time.Second, true), false},
	} {
		l, now, last := &Logins{}, at, false
		for _, s := range tt.steps {
			now = now.Add(s.after)
			last = l.note(now, s.refused)
		}
		if last != tt.gives {
			t.Errorf("%s: %t", name, last)
		}
	}
	down := errors.New("no route")
	l := &Logins{Judge: func(err error) (string, bool) { return "", !errors.Is(err, down) }, Fail: func(error) { t.Error("failed for the network") }}
	l.OnBrokerConnect(kgo.BrokerMetadata{}, 0, nil, down)
	if !l.since.IsZero() || l.ever {
		t.Error("the network counts")
	}
}

func steps(kv ...any) (out []struct {
	after   time.Duration
	refused bool
}) {
	for i := 0; i < len(kv); i += 2 {
		after, ok := kv[i].(time.Duration)
		if !ok {
			after = 0
		}
		out = append(out, struct {
			after   time.Duration
			refused bool
		}{after, kv[i+1].(bool)})
	}
	return out
}

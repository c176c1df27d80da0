package supervise

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var policy = Policy{Enable: true, Initial: time.Second, Max: time.Minute, Attempts: 5, Window: 10 * time.Minute}

// history feeds failures, each after the run was up for ran (-1: it never came up), and writes down the plans: "1s" or the reason.
type failed struct {
	f   Failure
	ran time.Duration
}

func plans(p Policy, fs ...failed) string {
	var h History
	now := time.Unix(1000, 0)
	var out []string
	for _, f := range fs {
		if f.ran >= 0 {
			h.Started(now)
			now = now.Add(f.ran)
		}
		plan := h.Failed(now, p, f.f, 0.5)
		if plan.Restart {
			out = append(out, fmt.Sprintf("%d:%s", plan.Attempt, plan.At.Sub(now)))
			now = plan.At
		} else {
			out = append(out, "stop "+plan.Why)
		}
	}
	return strings.Join(out, ", ")
}

func times(n int, f Failure, ran time.Duration) []failed {
	out := make([]failed, n)
	for i := range out {
		out[i] = failed{f, ran}
	}
	return out
}

func TestPlans(t *testing.T) {
	net := Failure{Class: Retriable}
	at := func(place string) Failure { return Failure{Class: Data, Place: place} }
	for name, c := range map[string]struct {
		p    Policy
		fs   []failed
		want string
	}{
		"a retriable error backs off without end": {policy, times(9, net, -1), "1:1s, 2:2s, 3:4s, 4:8s, 5:16s, 6:32s, 7:1m0s, 8:1m0s, 9:1m0s"},
		"what asks for a longer wait gets it":     {policy, times(1, Failure{Class: Retriable, After: time.Hour}, -1), "1:1h0m0s"},
		"authorization is asked for again slowly": {policy, times(7, Failure{Class: Authorization}, -1), "1:1m0s, 2:1m0s, 3:1m0s, 4:1m0s, 5:1m0s, 6:1m0s, 7:1m0s"},
		"a bad configuration is left alone":       {policy, times(1, Failure{Class: Configuration}, -1), "stop an error of the configuration stays until the configuration changes"},
		"an unknown error has a budget": {policy, times(6, Failure{}, time.Second),
			"1:1s, 2:2s, 3:4s, 4:8s, 5:16s, stop errors.restart.max.attempts=5 restarts did not help"},
		"a panic has a budget": {Policy{true, time.Second, time.Minute, 1, time.Hour}, times(2, Failure{Class: Panic}, time.Second),
			"1:1s, stop errors.restart.max.attempts=1 restarts did not help"},
		"being fenced has a budget": {Policy{true, time.Second, time.Minute, 0, time.Hour}, times(1, Failure{Class: Fenced}, 0),
			"stop errors.restart.max.attempts=0 restarts did not help"},
		"a budget without end": {Policy{true, time.Second, time.Second, -1, time.Hour}, times(3, Failure{}, -1), "1:1s, 2:1s, 3:1s"},
		"a long run makes up for it": {policy, append(times(5, Failure{}, 0), failed{Failure{}, 10 * time.Minute}),
			"1:1s, 2:2s, 3:4s, 4:8s, 5:16s, 1:1s"},
		"a run above the longest backoff begins with the first again, the budget goes on": {Policy{true, time.Second, time.Minute, 2, time.Hour},
			times(3, Failure{}, time.Minute), "1:1s, 1:1s, stop errors.restart.max.attempts=2 restarts did not help"},
		"the same record is poison however long it takes to come to it": {policy, times(4, at("t-0@7"), time.Hour),
			"1:1s, 1:1s, 1:1s, stop the same record failed again after each of 3 restarts"},
		"other records are not": {policy, []failed{{at("a"), time.Hour}, {at("a"), time.Hour}, {at("b"), time.Hour}, {at("b"), time.Hour}, {at("b"), time.Hour},
			{at("c"), time.Hour}}, "1:1s, 1:1s, 1:1s, 1:1s, 1:1s, 1:1s"},
		"an outage between does not hide the poison": {policy, []failed{{at("a"), 0}, {at("a"), 0}, {net, 0}, {at("a"), 0}, {at("a"), 0}},
			"1:1s, 2:2s, 3:4s, 4:8s, stop the same record failed again after each of 3 restarts"},
		"switched off":                         {Policy{Initial: time.Second, Max: time.Minute, Attempts: 5}, times(2, net, 0), "stop , stop "},
		"an initial backoff above the longest": {Policy{Enable: true, Initial: time.Hour, Max: time.Minute, Attempts: 5}, times(2, net, -1), "1:1m0s, 2:1m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := plans(c.p, c.fs...); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Whatever happens, a wait stays within the bounds, and what has a budget does not go on for ever.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := Policy{
			Enable: true, Initial: time.Duration(1 + r.Int64N(int64(time.Minute))), Max: time.Duration(1 + r.Int64N(int64(time.Hour))),
			Attempts: r.IntN(8), Window: time.Duration(r.Int64N(int64(time.Hour))),
		}
		var h History
		now := time.Unix(0, 0)
		row := 0 // failures against the budget since the last long run
		for range 200 {
			ran := time.Duration(r.Int64N(int64(2 * time.Hour)))
			if r.IntN(3) > 0 {
				ran = 0
			}
			h.Started(now)
			now = now.Add(ran)
			f := Failure{Class: Class(r.IntN(int(Fenced) + 1)), Place: fmt.Sprint(r.IntN(3))}
			plan := h.Failed(now, p, f, r.Float64())
			if ran >= p.Window {
				row = 0
			}
			if f.Class != Retriable && f.Class != Authorization && f.Class != Configuration {
				row++
			}
			limit := time.Duration(float64(p.Max) * (1 + jitter))
			switch {
			case plan.Restart && (plan.At.Before(now) || plan.At.Sub(now) > limit):
				t.Fatalf("seed %d: waits %s, at most %s", seed, plan.At.Sub(now), limit)
			case plan.Restart && f.Class == Configuration:
				t.Fatalf("seed %d: restarts after an error of the configuration", seed)
			case plan.Restart && row > p.Attempts && f.Class != Retriable && f.Class != Authorization:
				t.Fatalf("seed %d: restart %d of %d", seed, row, p.Attempts)
			case !plan.Restart && (f.Class == Retriable || f.Class == Authorization):
				t.Fatalf("seed %d: gave %s up", seed, f.Class)
			case !plan.Restart && plan.Why == "":
				t.Fatalf("seed %d: no reason", seed)
			}
			if plan.Restart {
				now = plan.At
			}
		}
	}
}

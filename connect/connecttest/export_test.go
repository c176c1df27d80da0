package connecttest

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
)

// recorder is a testing.TB that keeps what a rule finds.
type recorder struct {
	testing.TB
	mu    sync.Mutex
	found []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found = append(r.found, fmt.Sprintf(format, args...))
}
func (r *recorder) Error(args ...any) { r.Errorf("%s", fmt.Sprint(args...)) }
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}
func (r *recorder) Fatal(args ...any)   { r.Fatalf("%s", fmt.Sprint(args...)) }
func (r *recorder) FailNow()            { r.Fatalf("failed") }
func (r *recorder) Logf(string, ...any) {}

// findings runs the rules and returns what they find, by rule.
func findings[D any](t *testing.T, rules []rule[D], d D, only string) map[string][]string {
	out := map[string][]string{}
	for _, x := range rules {
		if only != "" && x.name != only {
			continue
		}
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			x.run(r, d)
		}()
		<-done
		if len(r.found) > 0 {
			out[x.name] = r.found
		}
	}
	return out
}

// SourceFindings and its like run one rule, or all if only is empty.
func SourceFindings(t *testing.T, d SourceDriver, only string) map[string][]string {
	return findings(t, sourceRules, d, only)
}

func SinkFindings(t *testing.T, d SinkDriver, only string) map[string][]string {
	return findings(t, sinkRules, d, only)
}

func TransformFindings(t *testing.T, d TransformDriver) map[string][]string {
	return findings(t, transformRules, d, "")
}

func ConverterFindings(t *testing.T, d ConverterDriver) map[string][]string {
	return findings(t, converterRules, d, "")
}

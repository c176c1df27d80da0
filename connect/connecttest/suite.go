package connecttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// rule is one subtest. It takes a testing.TB, so that the suites themselves can be tested with plugins that break the rule.
type rule[D any] struct {
	name string
	run  func(t testing.TB, d D)
}

func runAll[D any](t *testing.T, rules []rule[D], d D) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) { r.run(t, d) })
	}
}

const (
	// pollTime is what a Poll without records, or one that is told to stop, may take: "about a second", and room for a busy machine.
	pollTime = 2500 * time.Millisecond
	// callTime bounds every other call of a plugin.
	callTime = 30 * time.Second
	// leakTime is how long goroutines may take to end once the plugin is stopped.
	leakTime = 3 * time.Second
)

// callContext bounds one call of a plugin.
func callContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), callTime)
}

// parse reads props with the plugin's declaration; the driver promised that they are valid.
func parse[T any](t testing.TB, p connect.Plugin[T], props config.Props) config.Values {
	t.Helper()
	v, err := defOf(p, props).Parse(props)
	if err != nil {
		t.Fatalf("the driver's props are not valid: %v", err)
	}
	return v
}

func defOf[T any](p connect.Plugin[T], props config.Props) *config.Def {
	if p.ConfigFor != nil {
		return p.ConfigFor(props)
	}
	if p.Config == nil {
		return config.NewDef()
	}
	return p.Config
}

func checkPlugin[T any](t testing.TB, p connect.Plugin[T], connector bool) {
	t.Helper()
	if p.Name == "" || p.Version == "" || p.Summary == "" {
		t.Errorf("the plugin needs a name (%q), a version (%q) and a summary (%q)", p.Name, p.Version, p.Summary)
	}
	if p.Config == nil && p.ConfigFor == nil {
		t.Error("the plugin declares no config: Config is nil")
	}
	if connector && p.TaskClass == "" {
		t.Error("the connector has no task class")
	}
	if p.New == nil {
		t.Fatal("the plugin has no constructor")
	}
	if any(p.New()) == nil {
		t.Error("New returns nil")
	}
	if slices.Contains(p.Aliases, p.Name) {
		t.Errorf("the name %s is an alias of itself", p.Name)
	}
}

// checkRequired takes each required key away, one at a time: the declaration must miss it by name.
func checkRequired[T any](t testing.TB, p connect.Plugin[T], props config.Props) {
	t.Helper()
	parse(t, p, props)
	for _, k := range defOf(p, props).Keys() {
		if !k.Required {
			continue
		}
		less := props.Clone()
		for _, n := range append([]string{k.Name}, k.Aliases...) {
			delete(less, n)
		}
		if _, err := defOf(p, less).Parse(less); err == nil || !strings.Contains(err.Error(), k.Name) {
			t.Errorf("without the required key %s: %v, want an error that names it", k.Name, err)
		}
	}
}

// nasty are config values that parsers and validators trip over.
var nasty = []string{"", " ", ",", "0", "-1", "1", "2147483648", "99999999999999999999", "1e400", "true", "TRUE", "null", "*", "(", "[a-", "a,b,,c", ":", "::",
	"=", "http://", "jdbc:", "\x00", "é\xff", "${file:/x:y}", "%s%d", "java.lang.String", strings.Repeat("x", 10000)}

// checkValidate throws random props at the declaration, and at check those that parse.
func checkValidate[T any](t testing.TB, p connect.Plugin[T], valid config.Props, check func(ctx context.Context, v config.Values)) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for i := 0; i < 300 && ctx.Err() == nil; i++ {
		props := valid.Clone()
		keys := defOf(p, valid).Keys()
		for range 1 + random.IntN(3) {
			if len(keys) > 0 {
				props[keys[random.IntN(len(keys))].Name] = nasty[random.IntN(len(nasty))]
			}
		}
		guard(t, fmt.Sprintf("validating %q", changed(valid, props)), func() {
			d := defOf(p, props)
			d.Validate(ctx, props)
			v, err := d.Parse(props)
			if err != nil || check == nil {
				return
			}
			one, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			check(one, v)
		})
	}
}

func changed(from, to config.Props) config.Props {
	out := config.Props{}
	for k, v := range to {
		if from[k] != v {
			out[k] = v[:min(len(v), 40)]
		}
	}
	return out
}

// guard turns a panic of f into an error.
func guard(t testing.TB, doing string, f func()) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s panics: %v", doing, r)
		}
	}()
	f()
}

// connectorContext is what the suites give a connector.
func connectorContext(v config.Values, offsets connect.OffsetReader, logs connect.TopicLogs) connect.ConnectorContext {
	return connect.ConnectorContext{Name: "conformance", Config: v, Control: new(ConnectorControl), Offsets: offsets, Logs: logs,
		Log: discard(), Metrics: connect.NoMetrics{}}
}

// checkConnector starts a connector, asks for its tasks and stops it; it returns the tasks for at most one.
func checkConnector[T connect.Connector](t testing.TB, p connect.Plugin[T], props config.Props, offsets connect.OffsetReader, logs connect.TopicLogs) config.Props {
	t.Helper()
	ctx, cancel := callContext()
	defer cancel()
	c := p.New()
	if err := c.Start(ctx, connectorContext(parse(t, p, props), offsets, logs)); err != nil {
		_ = c.Stop(ctx)
		t.Fatalf("starting the connector: %v", err)
	}
	var one config.Props
	for _, most := range []int{1, 3} {
		tasks, err := c.TaskConfigs(ctx, most)
		if err != nil || len(tasks) == 0 || len(tasks) > most {
			t.Errorf("TaskConfigs(%d): %d tasks, %v", most, len(tasks), err)
			continue
		}
		for _, task := range tasks {
			if _, err := defOf(p, task).Parse(task); err != nil {
				t.Errorf("TaskConfigs(%d) gives a config that is not valid: %v", most, err)
			}
		}
		if most == 1 {
			one = tasks[0].Clone()
		}
		if len(tasks) > 1 {
			tasks[0]["connecttest.mark"] = "1"
			if _, both := tasks[1]["connecttest.mark"]; both {
				t.Error("two tasks share one map of props")
			}
		}
	}
	if err := c.Stop(ctx); err != nil {
		t.Errorf("stopping the connector: %v", err)
	}
	if one == nil {
		t.FailNow()
	}
	return one
}

// checkFailedStart cancels Start before it begins: error or not, Stop must be safe.
func checkFailedStart[T connect.Connector](t testing.TB, p connect.Plugin[T], props config.Props, offsets connect.OffsetReader, logs connect.TopicLogs) {
	t.Helper()
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	v := parse(t, p, props)
	guard(t, "stopping a connector whose Start was cancelled", func() {
		c := p.New()
		_ = c.Start(cancelled, connectorContext(v, offsets, logs))
		ctx, cancel := callContext()
		defer cancel()
		if err := c.Stop(ctx); err != nil {
			t.Errorf("stopping a connector whose Start was cancelled: %v", err)
		}
	})
}

// noLeak fails the test if goroutines that run now outlive it.
func noLeak(t testing.TB) (check func()) {
	before := goroutines()
	return func() {
		t.Helper()
		var left []string
		for deadline := time.Now().Add(leakTime); ; time.Sleep(5 * time.Millisecond) {
			left = left[:0]
			for id, stack := range goroutines() {
				if _, old := before[id]; !old && !strings.Contains(stack, "connecttest.goroutines") {
					left = append(left, stack)
				}
			}
			if len(left) == 0 {
				return
			}
			if time.Now().After(deadline) {
				t.Errorf("%d goroutines are left, the first: %s", len(left), left[0])
				return
			}
		}
	}
}

// goroutines lists the stacks of all goroutines by their number.
func goroutines() map[string]string {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	out := map[string]string{}
	for _, s := range strings.Split(string(buf), "\n\n") {
		id, _, _ := strings.Cut(strings.TrimPrefix(s, "goroutine "), " ")
		out[id] = s
	}
	return out
}

var errBroken = errors.New("broken on purpose")

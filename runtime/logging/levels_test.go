package logging

import (
	"bytes"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"testing"
)

// The steps and their answers are Kafka Connect's (test/rest/testdata).
func TestSet(t *testing.T) {
	l := New(slog.LevelInfo)
	for _, step := range []struct {
		name, level string
		changed     []string
	}{
		{"rp.a.b", " info", []string{}}, // as the parent has it
		{"rp.a.b", "DEBUG", []string{"rp.a.b"}},
		{"rp.a.b", "debug", []string{}},
		{"rp.a.b", "OFF", []string{"rp.a.b"}},
		{"rp.a.b", "OFF", []string{"rp.a.b"}},
		{"rp.a.b", "ALL", []string{"rp.a.b"}},
		{"rp.a", "ERROR", []string{"rp.a", "rp.a.b"}},
		{"rp.a", "ERROR", []string{}},
		{"rp", "INFO", []string{"rp.a", "rp.a.b"}},
		{"rp.a.bcd", "INFO", []string{}},
		{"rp.a.b", "DEBUG", []string{"rp.a.b", "rp.a.bcd"}}, // no regard to dots
	} {
		changed, ok := l.Set(step.name, step.level)
		if !ok || !reflect.DeepEqual(step.changed, changed) {
			t.Errorf("%s to %s: changed %v, want %v", step.name, step.level, changed, step.changed)
		}
	}
	if _, ok := l.Set("rp", "LOUD"); ok {
		t.Error("LOUD is a level")
	}
	if s, ok := l.Get("rp.a.bcd"); !ok || s.Level != "DEBUG" || s.Changed.IsZero() {
		t.Error(s, ok)
	}
	if s, ok := l.Get("ROOT"); !ok || s.Level != "INFO" || !s.Changed.IsZero() {
		t.Error(s, ok)
	}
	if _, ok := l.Get("none.such"); ok {
		t.Error("none.such is there")
	}
	l.Set("rp", "OFF")
	if _, ok := l.All()["rp.a"]; ok {
		t.Error("a logger that is off is listed")
	}
	changed, _ := l.Set("root", "TRACE")
	if len(changed) != len(l.All()) {
		t.Errorf("the root changed %d of %d", len(changed), len(l.All()))
	}
}

// A component has several names: a level set for one is set for all, and takes effect.
func TestComponentsHaveJavaNames(t *testing.T) {
	l := New(slog.LevelWarn)
	changed, _ := l.Set("org.apache.kafka.connect.runtime.WorkerSource", "TRACE")
	want := []string{
		"connectd.runtime.sourcetask", "org.apache.kafka.connect.runtime.AbstractWorkerSourceTask",
		"org.apache.kafka.connect.runtime.WorkerSource", "org.apache.kafka.connect.runtime.WorkerSourceTask",
	}
	if !reflect.DeepEqual(want, changed) {
		t.Error(changed)
	}
	v := l.current.Load()
	if v.named("connectd.runtime.sourcetask") != slog.LevelDebug-4 || v.named("connectd.runtime.sinktask") != slog.LevelWarn || v.lowest != slog.LevelDebug-4 {
		t.Error(v.levels, v.lowest)
	}
}

func TestHandlerFollowsTheLevelOfThePackage(t *testing.T) {
	l := New(slog.LevelInfo)
	var out bytes.Buffer
	log := slog.New(l.Handler(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.Level(-100)}))).With("task", 1)
	say := func(want bool) {
		t.Helper()
		out.Reset()
		log.Debug("hello")
		if got := strings.Contains(out.String(), "hello"); got != want {
			t.Errorf("logged: %t", got)
		}
	}
	say(false)
	l.Set("connectd.runtime.herder", "ALL")
	say(false) // enabled for the other, but not here
	l.Set("connectd.runtime.logging", "DEBUG")
	say(true)
	l.Set("connectd.runtime.logging", "INFO")
	say(false)
	l.Set(Root, "DEBUG")
	say(true)
	l.Set(Root, "OFF")
	log.Error("nobody hears this")
	say(false)
}

func TestLoggerOf(t *testing.T) {
	for function, want := range map[string]string{
		module + "runtime/herder.(*Herder).Run":   "connectd.runtime.herder",
		module + "connectors/mysql/cdc.f.func1":   "connectd.connectors.mysql.cdc",
		module + "rest.(*Server).fail":            "connectd.rest",
		"main.(*process).run":                     "connectd.cmd.connectd",
		"github.com/twmb/franz-go/pkg/kgo.(*x).y": "",
		"log/slog.Info":                           "",
		"":                                        "",
	} {
		if got := loggerOf(function); got != want {
			t.Errorf("%s: %q", function, got)
		}
	}
}

// Every component is a package, or a folder of some.
func TestComponentsExist(t *testing.T) {
	for path := range components {
		if path == "" {
			continue
		}
		if _, err := os.Stat("../../" + path); err != nil {
			t.Error(err)
		}
	}
}

package main

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectd/connectd/rest/api"
	"github.com/connectd/connectd/runtime/cluster"
)

func members(urls map[string]string) (ms []cluster.Member) {
	for id, url := range urls {
		ms = append(ms, cluster.Member{ID: id, URL: url})
	}
	return ms
}

func TestAbilities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked, late atomic.Int32
		opened := make(chan struct{})
		a := &abilities{log: slog.New(slog.DiscardHandler), late: func() { late.Add(1) }, ask: func(ctx context.Context, url string) ([]api.PluginInfo, error) {
			asked.Add(1)
			switch url {
			case "file":
				return []api.PluginInfo{{Class: "org.acme.FileSourceConnector", Type: "source"}}, nil
			case "hangs":
				select {
				case <-opened:
					return []api.PluginInfo{{Class: "org.acme.Other", Type: "sink"}}, nil
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
			return nil, errors.New("404")
		}}
		defer a.close()
		group := members(map[string]string{"a": "file", "b": "hangs", "c": "refuses"})
		began := time.Now()
		a.learn(t.Context(), group)()
		if took := time.Since(began); took != learnWait {
			t.Errorf("the round waited %v", took)
		}
		for _, c := range []struct {
			member, class string
			can           bool
		}{
			{"a", "org.acme.FileSourceConnector", true}, {"a", "FileSourceConnector", true}, {"a", " FileSource ", true}, {"a", "org.acme.Other", false},
			{"a", "${env:CLASS}", true}, {"a", "", true}, {"b", "org.acme.Other", true}, {"c", "org.acme.Other", true}, {"stranger", "org.acme.Other", true},
		} {
			if a.can(c.member, c.class) != c.can {
				t.Errorf("%s can run %q: %v", c.member, c.class, !c.can)
			}
		}
		if urls, kind := a.who("filesource"); !reflect.DeepEqual(urls, []string{"file"}) || kind != "source" {
			t.Errorf("%v %s", urls, kind)
		}

		before := asked.Load()
		began = time.Now()
		a.learn(t.Context(), group)()
		if took := time.Since(began); took != 0 {
			t.Errorf("the next round waited %v for members that had been asked", took)
		}
		close(opened)
		synctest.Wait()
		if late.Load() != 1 || a.can("b", "org.acme.FileSourceConnector") {
			t.Errorf("%d late answers, b can run what it has not", late.Load())
		}
		time.Sleep(2 * time.Minute) // the last try of c
		synctest.Wait()
		if n := asked.Load() - before; n < 3 || n > learnTries {
			t.Errorf("asked %d times more", n)
		}
		if len(a.begin(t.Context(), members(map[string]string{"a": "file", "c": "refuses"}))) != 1 {
			t.Error("a member that refused is not asked again in the next round, or one that answered is")
		}
	})
}

// TestAbilitiesEnd: members that are gone are not asked any more, and close waits for nobody.
func TestAbilitiesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asking atomic.Int32
		a := &abilities{log: slog.New(slog.DiscardHandler), late: func() { t.Error("late") }, ask: func(ctx context.Context, _ string) ([]api.PluginInfo, error) {
			asking.Add(1)
			defer asking.Add(-1)
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		round, cancel := context.WithCancel(t.Context())
		wait := a.learn(round, members(map[string]string{"a": "1", "b": "2"}))
		cancel() // the answer of the round is no longer wanted: what was asked is still of use
		wait()
		synctest.Wait()
		if n := asking.Load(); n != 2 {
			t.Errorf("%d are asked", n)
		}
		a.learn(t.Context(), members(map[string]string{"b": "2"}))
		synctest.Wait()
		if n := asking.Load(); n != 1 {
			t.Errorf("%d are asked, a is gone", n)
		}
		a.close()
		if n := asking.Load(); n != 0 {
			t.Errorf("%d are still asked", n)
		}
		if asked := a.begin(t.Context(), members(map[string]string{"z": "3"})); len(asked) != 0 {
			t.Error("asked after close")
		}
	})
}

package connectorconfig

import (
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/supervise"
)

func TestRestartPolicyIsTheWorkersUnlessTheConnectorSaysOtherwise(t *testing.T) {
	ours := supervise.Policy{Enable: true, Initial: 2 * time.Second, Max: time.Minute, Attempts: 4, Window: time.Hour}
	w := Worker{Restart: &ours}
	changed := func(f func(p *supervise.Policy)) supervise.Policy {
		p := ours
		f(&p)
		return p
	}
	for name, c := range map[string]struct {
		props config.Props
		want  supervise.Policy
	}{
		"nothing said":     {config.Props{"name": "c"}, ours},
		"switched off":     {config.Props{"errors.restart.enable": "false"}, changed(func(p *supervise.Policy) { p.Enable = false })},
		"one key":          {config.Props{"errors.restart.max.attempts": "-1"}, changed(func(p *supervise.Policy) { p.Attempts = -1 })},
		"a secret":         {config.Props{"errors.restart.window.ms": "${file:/x:y}"}, ours},
		"one wrong of two": {config.Props{"errors.restart.enable": "maybe", "errors.restart.backoff.max.ms": "7"}, changed(func(p *supervise.Policy) { p.Max = 7 * time.Millisecond })},
	} {
		if got := w.RestartPolicy(c.props); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	if got := (Worker{}).RestartPolicy(nil); !got.Enable || got.Initial != time.Second || got.Attempts != 10 {
		t.Errorf("without a worker: %+v", got)
	}
}

// Answers about configs without these keys are Kafka Connect's (see the golden test); with one, all are told and checked.
func TestValidateKnowsRestartKeysOnceOneIsUsed(t *testing.T) {
	g := readGolden(t)
	for _, c := range g.Cases {
		if c.Name != g.Cases[0].Name {
			continue
		}
		props := config.Props{"errors.restart.max.attempts": "-2"}
		for k, v := range c.Body {
			if v != nil {
				props[k] = *v
			}
		}
		w := goldenWorker()
		w.Restart = &supervise.Policy{Enable: false, Initial: time.Second, Max: time.Minute, Attempts: 4, Window: time.Hour}
		res, err := Validate(t.Context(), registry(t, g.Plugins[c.Plugins]), w, props)
		if err != nil {
			t.Fatal(err)
		}
		if res.ErrorCount != c.Result.ErrorCount+1 || !strings.Contains(res.Error(), "errors.restart.max.attempts") {
			t.Errorf("%d errors: %s", res.ErrorCount, res.Error())
		}
		seen := map[string]string{}
		for _, r := range res.Configs {
			if r.Value != nil {
				seen[r.Name] = *r.Value
			}
		}
		if seen["errors.restart.enable"] != "false" || seen["errors.restart.window.ms"] != "3600000" {
			t.Errorf("the worker's defaults are not shown: %v", seen)
		}
	}
}

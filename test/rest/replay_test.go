//go:build integration

package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestWire replays the calls of testdata/wire-calls.jsonl, in their order, and compares with what Kafka Connect answered to the same. The
// environment variable WIRE_DIFF names a file for all differences, one after the other.
func TestWire(t *testing.T) {
	s := system(t, startWorker(t))
	answers := wireAnswers(t)
	var differ []string
	for _, c := range wireCalls(t) {
		want, ok := answers[c.ID]
		if !ok {
			t.Fatalf("%s has no answer of Kafka Connect: record again", c.ID)
		}
		if c.Await != nil {
			await(t, 20*time.Second, c.ID, func() error { return s.reached(*c.Await) })
		}
		reason, known := wireDeviation(c.ID)
		diff := s.replay(c, want, !known)
		if known && diff == nil {
			t.Errorf("%s is answered as by Java now; strike it from the deviations (%s)", c.ID, reason)
		}
		if known || diff == nil {
			continue
		}
		line := fmt.Sprintf("%s %s %s %.200s: %v", c.ID, c.Method, c.Path, c.Raw, diff)
		differ = append(differ, line)
		t.Error(line)
	}
	if to := os.Getenv("WIRE_DIFF"); to != "" {
		if err := os.WriteFile(to, []byte(strings.Join(differ, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// replay makes a call. Reading calls are repeated until what they show has come about.
func (s wireSystem) replay(c wireCall, want wireAnswer, patient bool) error {
	patience := time.Now()
	if c.Method == http.MethodGet && patient {
		patience = patience.Add(5 * time.Second)
	}
	for {
		got, err := s.ask(c)
		if err != nil {
			return err
		}
		if err = want.compare(got); err == nil || time.Now().After(patience) {
			return err
		}
		time.Sleep(50 * time.Millisecond) // the far side offers nothing to wait on but asking
	}
}

// compare tells the first difference; the rules of wireRules are no differences.
func (want wireAnswer) compare(got wireAnswer) error {
	for _, r := range wireRules {
		if r.applies(want) {
			return r.check(got)
		}
	}
	if got.Status != want.Status {
		return fmt.Errorf("status %d in place of %d: %.300s INSTEAD OF %.300s", got.Status, want.Status, got.Body, want.Body)
	}
	for _, name := range []string{"Content-Type", "Location", "Allow", "Retry-After", "Vary", "Www-Authenticate"} {
		if got.Headers[name] != want.Headers[name] {
			return fmt.Errorf("%s %q in place of %q", name, got.Headers[name], want.Headers[name])
		}
	}
	if want.Headers["Content-Type"] != "application/json" || want.Body == "" {
		if got.Body != want.Body {
			return fmt.Errorf("body %.300q in place of %.300q", got.Body, want.Body)
		}
		return nil
	}
	w, g := []byte(want.Body), []byte(got.Body)
	if strings.HasPrefix(want.Body, `[{"class":`) {
		var err error
		if w, g, err = commonPlugins(w, g); err != nil {
			return err
		}
	}
	return sameJSON(installed.ReplaceAll(w, nil), installed.ReplaceAll(g, nil))
}

// installed is the end of a message that lists the connectors there are.
var installed = regexp.MustCompile(`PluginDesc\{[^"]*\}`)

// wireRule is a deviation of a whole kind of answers.
type wireRule struct {
	reason  string
	applies func(want wireAnswer) bool
	check   func(got wireAnswer) error
}

var wireRules = []wireRule{
	{
		"input of the client's that Java answers with 500 and the text of an internal exception is a bad request",
		func(want wireAnswer) bool { return want.Status == http.StatusInternalServerError },
		errorOf(http.StatusBadRequest),
	},
	{
		"what Jetty refuses before Kafka Connect sees it is answered as any other error, and not as a page of HTML",
		func(want wireAnswer) bool {
			return want.Status >= 400 && (want.Body == "" || strings.HasPrefix(want.Body, "<html>")) && want.Headers["Content-Type"] != "application/json"
		},
		func(got wireAnswer) error {
			if got.Status < 400 || got.Status > 499 {
				return fmt.Errorf("status %d where Jetty refuses: %.300s", got.Status, got.Body)
			}
			return nil
		},
	},
}

// errorOf asks for an error with a body that says the same.
func errorOf(status int) func(wireAnswer) error {
	return func(got wireAnswer) error {
		var m struct {
			Code    int    `json:"error_code"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal([]byte(got.Body), &m); err != nil {
			return fmt.Errorf("reading the error %.300q: %w", got.Body, err)
		}
		if got.Status != status || m.Code != status || m.Message == "" {
			return fmt.Errorf("status %d in place of %d: %.300s", got.Status, status, got.Body)
		}
		return nil
	}
}

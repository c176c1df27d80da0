//go:build integration

package rest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// call is one call to Kafka Connect 4.3.1 and its answer.
type call struct {
	N           int               `json:"n"`
	Method      string            `json:"method"`
	Path        string            `json:"path"`
	Body        json.RawMessage   `json:"body"`
	Raw         *string           `json:"raw"`
	Headers     map[string]string `json:"h"`
	Status      int               `json:"status"`
	ContentType string            `json:"contentType"`
	Location    string            `json:"location"`
	Allow       string            `json:"allow"`
	Response    json.RawMessage   `json:"response"`
}

// answer is what connectd says.
type answer struct {
	status int
	header http.Header
	body   []byte
}

const (
	goldenFile = "../../rest/testdata/rest-4.3.1.jsonl"
	// goldenInput and goldenOutput are the files of the golden calls' connectors; the test has its own.
	goldenInput  = "/tmp/rest-golden-in.txt"
	goldenOutput = "/tmp/rest-golden-out.txt"
	// content has 14 bytes: the position that call 108 shows.
	content = "one\ntwo\nthree\n"
)

// settled lists the calls made when the connector and its task had come to run.
var settled = map[int]bool{152: true, 153: true, 154: true, 155: true, 156: true, 157: true}

func goldenCalls(t *testing.T, dir string) []call {
	t.Helper()
	doc, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	doc = bytes.ReplaceAll(doc, []byte(goldenInput), []byte(filepath.Join(dir, "in.txt")))
	doc = bytes.ReplaceAll(doc, []byte(goldenOutput), []byte(filepath.Join(dir, "out.txt")))
	var out []call
	lines := bufio.NewScanner(bytes.NewReader(doc))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c call
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		if c.N != len(out) {
			t.Fatalf("call %d stands in line %d", c.N, len(out)+1)
		}
		out = append(out, c)
	}
	if err := lines.Err(); err != nil || len(out) != 160 {
		t.Fatalf("%d golden calls, error %v", len(out), err)
	}
	return out
}

// ask makes a call.
func ask(base string, c call) (answer, error) {
	body := string(c.Body)
	switch {
	case c.Raw != nil:
		body = *c.Raw
	case body == "null":
		body = ""
	}
	req, err := http.NewRequest(c.Method, base+c.Path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	for k, v := range c.Headers {
		req.Header.Set(k, v)
	}
	client := http.Client{Timeout: 20 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, b}, err
}

// TestGolden replays all calls in their order. What is known to differ must differ: the list of deviations is true.
func TestGolden(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in.txt"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	calls := goldenCalls(t, dir)
	base := startWorker(t)
	for _, c := range calls {
		if settled[c.N] {
			// A restart is carried out after its answer: for a while the state before it is seen.
			for range 6 {
				await(t, 10*time.Second, "g-src running", func() error { return running(base) })
				time.Sleep(50 * time.Millisecond)
			}
		}
		diff := c.replay(t, base)
		d, known := deviations[c.N]
		switch {
		case !known && diff != nil:
			t.Errorf("%d %s %s %s: %v", c.N, c.Method, c.Path, c.Body, diff)
		case known && diff == nil:
			t.Errorf("%d %s %s: answered as by Java now; strike it from the deviations (%s)", c.N, c.Method, c.Path, d.reason)
		}
	}
}

// replay makes the call and compares; nil: as Java. Reading calls are repeated until what they show has come about.
func (c call) replay(t *testing.T, base string) error {
	t.Helper()
	patience := time.Now()
	d, known := deviations[c.N]
	if c.Method == http.MethodGet && !known {
		patience = patience.Add(5 * time.Second)
	}
	for {
		a, err := ask(base, c)
		if err != nil {
			t.Fatalf("%d %s %s: %v", c.N, c.Method, c.Path, err)
		}
		if known {
			if err := d.check(a); err != nil {
				t.Errorf("%d %s %s: deviates in another way than listed (%s): %v", c.N, c.Method, c.Path, d.reason, err)
			}
		}
		err = c.compare(base, a)
		if err == nil || time.Now().After(patience) {
			return err
		}
		time.Sleep(50 * time.Millisecond) // the far side offers nothing to wait on but asking
	}
}

// running asks whether connector and task of the golden calls run.
func running(base string) error {
	a, err := ask(base, call{Method: http.MethodGet, Path: "/connectors/g-src/status"})
	if err != nil {
		return err
	}
	if n := bytes.Count(a.body, []byte(`"state":"RUNNING"`)); n != 2 {
		return fmt.Errorf("%s", a.body)
	}
	return nil
}

func (c call) compare(base string, a answer) error {
	if a.status != c.Status {
		return fmt.Errorf("status %d in place of %d; body %.600s", a.status, c.Status, a.body)
	}
	worker, err := url.Parse(base)
	if err != nil {
		return err
	}
	for name, want := range map[string]string{"Content-Type": c.ContentType, "Location": c.Location, "Allow": c.Allow} {
		if got := a.header.Get(name); got != strings.ReplaceAll(want, "<worker>", worker.Host) {
			return fmt.Errorf("%s %q in place of %q", name, got, want)
		}
	}
	if string(c.Response) == "null" {
		if len(a.body) > 0 {
			return fmt.Errorf("a body where there is none: %.600s", a.body)
		}
		return nil
	}
	want, got := c.Response, a.body
	if strings.HasPrefix(c.Path, "/connector-plugins") && c.Status == http.StatusOK && !strings.Contains(c.Path, "/config") {
		if want, got, err = commonPlugins(want, got); err != nil {
			return err
		}
	}
	return sameJSON(want, got)
}

// commonPlugins leaves in both lists the plugins that both have: each side has connectors and transformations of its own.
func commonPlugins(want, got []byte) (w, g []byte, err error) {
	type plugin struct {
		Class, Type, Version string
	}
	var ws, gs []plugin
	if err := errors.Join(json.Unmarshal(want, &ws), json.Unmarshal(got, &gs)); err != nil {
		return nil, nil, err
	}
	common := func(list, other []plugin) []plugin {
		var out []plugin
		for _, p := range list {
			for _, o := range other {
				if p.Class == o.Class && p.Type == o.Type {
					out = append(out, p)
					break
				}
			}
		}
		return out
	}
	wc, gc := common(ws, gs), common(gs, ws)
	if len(wc) == 0 {
		return nil, nil, fmt.Errorf("no plugin in common: %.600s", got)
	}
	w, _ = json.Marshal(wc) // texts always marshal
	g, _ = json.Marshal(gc)
	return w, g, nil
}

// ownPlugin: recommended values list plugins that Kafka does not come with.
func ownPlugin(tok json.Token) bool {
	s, ok := tok.(string)
	return ok && (strings.HasPrefix(s, "io.debezium.transforms.") || strings.HasPrefix(s, "io.confluent."))
}

var placeholder = regexp.MustCompile(`^<[a-z_]+>$`)

// sameJSON compares token by token: the order of fields is part of what clients see.
func sameJSON(want, got []byte) error {
	w, err := tokens(want)
	if err != nil {
		return err
	}
	g, err := tokens(got)
	if err != nil {
		return fmt.Errorf("%w: %.600s", err, got)
	}
	g = slices.DeleteFunc(g, ownPlugin)
	for i := range min(len(w), len(g)) {
		if s, ok := w[i].(string); ok && placeholder.MatchString(s) {
			if o, ok := g[i].(string); ok && o != "" {
				continue
			}
		}
		if w[i] != g[i] {
			return fmt.Errorf("\n got  %v\n want %v", g[max(0, i-8):min(len(g), i+12)], w[max(0, i-8):min(len(w), i+12)])
		}
	}
	if len(w) != len(g) {
		return fmt.Errorf("\n got  %.600s\n want %.600s", got, want)
	}
	return nil
}

func tokens(data []byte) ([]json.Token, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var out []json.Token
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading JSON: %w", err)
		}
		out = append(out, tok)
	}
}

package rest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/rest/api"
	"github.com/connectd/connectd/runtime/cluster"
)

// golden is one call to Kafka Connect 4.3.1 and its answer.
type golden struct {
	N           int               `json:"n"`
	Method      string            `json:"method"`
	Path        string            `json:"path"`
	Body        json.RawMessage   `json:"body"`
	Raw         *string           `json:"raw"`
	Headers     map[string]string `json:"h"`
	Status      int               `json:"status"`
	ContentType *string           `json:"contentType"`
	Location    *string           `json:"location"`
	Allow       *string           `json:"allow"`
	Response    json.RawMessage   `json:"response"`
}

func goldenCalls(t *testing.T) []golden {
	t.Helper()
	f, err := os.Open("testdata/rest-4.3.1.jsonl")
	must(t, err)
	defer f.Close()
	var out []golden
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var g golden
		must(t, json.Unmarshal(lines.Bytes(), &g))
		out = append(out, g)
	}
	must(t, lines.Err())
	equal(t, 160, len(out), "golden calls")
	return out
}

func (g golden) body() string {
	switch {
	case g.Raw != nil:
		return *g.Raw
	case string(g.Body) == "null":
		return ""
	}
	return string(g.Body)
}

// fromHerder lists the calls whose error is the herder's: the server only has to pass it on.
var fromHerder = []int{
	25, 81, 82, 83, 85, 86, 89, 90, 96, 122, 124, 125, 126, 127, 128, 129, 130, 133, 137, 139, 143, 158,
}

// badInput lists the calls that Java answers with 500 and this server with 400.
var badInput = []int{29, 70, 71, 72, 73, 74, 79, 80, 87, 88, 91, 92, 138}

func (g golden) herderError(t *testing.T) error {
	t.Helper()
	var m api.ErrorMessage
	must(t, json.Unmarshal(g.Response, &m))
	switch g.Status {
	case http.StatusNotFound:
		return &cluster.NotFound{Message: m.Message}
	case http.StatusConflict:
		return &cluster.Exists{Message: m.Message}
	}
	return &cluster.BadRequest{Message: m.Message}
}

// prepare gives the fake what a worker would find out, from the golden answer.
func (g golden) prepare(t *testing.T, f *fakeHerder) {
	t.Helper()
	f.err = nil
	switch {
	case slices.Contains(fromHerder, g.N):
		f.err = g.herderError(t)
	case g.N == 29 || g.N == 70:
		f.err = &cluster.BadRequest{Message: "no such class"}
	case g.Status != http.StatusOK:
	case strings.HasSuffix(g.Path, "/validate"):
		f.validation = goldenValidation(t, g.Response)
	case strings.HasPrefix(g.Path, "/connector-plugins") && strings.HasSuffix(g.Path, "/config"):
		var keys []api.ConfigKeyInfo
		must(t, json.Unmarshal(g.Response, &keys))
		f.defs = nil
		for _, k := range keys {
			f.defs = append(f.defs, definition(t, k))
		}
	case strings.HasPrefix(g.Path, "/connector-plugins") && g.N == 11:
		var all []api.PluginInfo
		must(t, json.Unmarshal(g.Response, &all))
		for _, p := range all {
			f.plugins = append(f.plugins, PluginInfo{Class: p.Class, Type: p.Type, Version: p.Version})
		}
	}
}

func goldenValidation(t *testing.T, data []byte) Validation {
	t.Helper()
	var v api.ConfigInfos
	must(t, json.Unmarshal(data, &v))
	out := Validation{Name: v.Name, ErrorCount: v.ErrorCount, Groups: v.Groups}
	for _, c := range v.Configs {
		k := config.KeyResult{
			Name: c.Value.Name, Value: c.Value.Value, Recommended: c.Value.RecommendedValues, Errors: c.Value.Errors, Visible: c.Value.Visible,
		}
		if c.Definition != nil {
			d := definition(t, *c.Definition)
			k.Definition = &d
		}
		out.Configs = append(out.Configs, k)
	}
	return out
}

func definition(t *testing.T, k api.ConfigKeyInfo) config.Definition {
	t.Helper()
	d := config.Definition{
		Name: k.Name, Required: k.Required, Default: k.DefaultValue, Documentation: k.Documentation, Group: k.Group,
		OrderInGroup: k.OrderInGroup, DisplayName: k.DisplayName, Dependents: k.Dependents,
	}
	for d.Type.String() != k.Type {
		d.Type++
		if int(d.Type) > 20 {
			t.Fatal(k.Type)
		}
	}
	for d.Importance.String() != k.Importance {
		d.Importance++
		if int(d.Importance) > 20 {
			t.Fatal(k.Importance)
		}
	}
	for d.Width.String() != k.Width {
		d.Width++
		if int(d.Width) > 20 {
			t.Fatal(k.Width)
		}
	}
	return d
}

// TestGolden replays the calls to Java in their order, over a worker that knows what it is asked.
func TestGolden(t *testing.T) {
	f := newFake()
	h := newServer(t, f, nil).Handler()
	calls := goldenCalls(t)
	calls[11].prepare(t, f) // the plugins
	for _, g := range calls {
		if g.N != 11 {
			g.prepare(t, f)
		}
		headers := []string{"Content-Type", "application/json"}
		for k, v := range g.Headers {
			headers = append(headers, k, v)
		}
		w := call(h, g.Method, g.Path, g.body(), headers...)
		where := fmt.Sprintf("%d %s %s", g.N, g.Method, g.Path)
		if slices.Contains(badInput, g.N) {
			equal(t, http.StatusBadRequest, w.Code, where)
			var m api.ErrorMessage
			must(t, json.Unmarshal(w.Body.Bytes(), &m), where)
			equal(t, http.StatusBadRequest, m.Code, where)
			equal(t, false, m.Message == "", where, "message")
			continue
		}
		equal(t, g.Status, w.Code, where)
		for name, want := range map[string]*string{"Content-Type": g.ContentType, "Location": g.Location, "Allow": g.Allow} {
			if want == nil {
				equal(t, 0, len(w.Header().Values(name)), where, name)
			} else {
				equal(t, *want, w.Header().Get(name), where, name)
			}
		}
		switch {
		case g.Method == http.MethodHead: // net/http drops the body of HEAD, a recorder does not
		case string(g.Response) == "null":
			equal(t, "", w.Body.String(), where)
		default:
			equal(t, tokens(t, g.Response), tokens(t, w.Body.Bytes()), where)
		}
		if g.N == 95 { // the worker makes a task, which is seen from now on
			c := f.snapshot.Connectors["g-src"]
			task := c.Config.Clone()
			task["task.class"] = "org.apache.kafka.connect.file.FileStreamSourceTask"
			f.add("g-src", c.Config, task)
			f.topics = []cluster.TopicStatus{{Topic: "g-topic", Connector: "g-src"}}
			f.offsets = []OffsetEntry{{
				Partition: json.RawMessage(`{"filename":"/tmp/rest-golden-in.txt"}`), Offset: json.RawMessage(`{"position":14}`),
			}}
		}
	}
}

// tokens reads JSON so that the order of fields can be compared.
func tokens(t *testing.T, data []byte) []json.Token {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var out []json.Token
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		must(t, err, string(data))
		out = append(out, tok)
	}
}

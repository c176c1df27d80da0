package cdc

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

// memoryLogs are topics in memory.
type memoryLogs struct {
	mu     sync.Mutex
	topics map[string][][]byte
	keys   map[string][][]byte      // of topics, where there are keys
	fail   func(topic string) error // of an append whose records are written all the same; nil: none
}

func (l *memoryLogs) Open(_ context.Context, spec connect.LogSpec) (connect.TopicLog, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.topics == nil {
		l.topics, l.keys = map[string][][]byte{}, map[string][][]byte{}
	}
	return &memoryLog{logs: l, topic: spec.Topic}, nil
}

// clone is a copy: what a restart adds stays apart.
func (l *memoryLogs) clone() *memoryLogs {
	c := &memoryLogs{topics: map[string][][]byte{}, keys: map[string][][]byte{}}
	for k, v := range l.topics {
		c.topics[k] = slices.Clone(v)
	}
	for k, v := range l.keys {
		c.keys[k] = slices.Clone(v)
	}
	return c
}

type memoryLog struct {
	logs  *memoryLogs
	topic string
}

func (l *memoryLog) ReadToEnd(ctx context.Context, f func(key, value []byte) error) error {
	return l.ReadFrom(ctx, 0, func(_ int64, key, value []byte) error { return f(key, value) })
}

func (l *memoryLog) ReadFrom(_ context.Context, offset int64, f func(offset int64, key, value []byte) error) error {
	l.logs.mu.Lock()
	docs, keys := l.logs.topics[l.topic], l.logs.keys[l.topic]
	l.logs.mu.Unlock()
	for i := int(offset); i < len(docs); i++ {
		var key []byte
		if i < len(keys) {
			key = keys[i]
		}
		if err := f(int64(i), key, docs[i]); err != nil {
			return err
		}
	}
	return nil
}

func (l *memoryLog) Append(ctx context.Context, key, value []byte) error {
	_, _, err := l.AppendAll(ctx, []connect.LogRecord{{Key: key, Value: value}})
	return err
}

func (l *memoryLog) AppendAll(_ context.Context, records []connect.LogRecord) (first, last int64, err error) {
	l.logs.mu.Lock()
	defer l.logs.mu.Unlock()
	first = int64(len(l.logs.topics[l.topic]))
	for _, r := range records {
		if r.Key != nil {
			if l.logs.keys == nil {
				l.logs.keys = map[string][][]byte{}
			}
			l.logs.keys[l.topic] = append(l.logs.keys[l.topic], bytes.Clone(r.Key))
		}
		l.logs.topics[l.topic] = append(l.logs.topics[l.topic], bytes.Clone(r.Value))
	}
	if l.logs.fail != nil {
		if err := l.logs.fail(l.topic); err != nil {
			return 0, 0, err
		}
	}
	return first, first + int64(len(records)) - 1, nil
}

func (l *memoryLog) Close() error { return nil }

// Consume keeps the groups' offsets in a topic of their own.
func (l *memoryLog) Consume(_ context.Context, group string, f func(key, value []byte) error) error {
	l.logs.mu.Lock()
	docs := l.logs.topics[l.topic]
	done := len(l.logs.topics["group "+group])
	l.logs.mu.Unlock()
	for _, d := range docs[done:] {
		key, value, _ := strings.Cut(string(d), "|")
		if err := f([]byte(key), []byte(value)); err != nil {
			return err
		}
		l.logs.mu.Lock()
		l.logs.topics["group "+group] = append(l.logs.topics["group "+group], nil)
		l.logs.mu.Unlock()
	}
	return nil
}

// storedOffset is an OffsetReader of one offset.
type storedOffset json.RawMessage

func (o storedOffset) Read(_ context.Context, ps ...*connect.SourcePartition) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, len(ps))
	if len(o) > 0 {
		out[0] = json.RawMessage(o)
	}
	return out, nil
}

// captured is a record as the JSON converter with schemas writes it, with its offset.
type captured struct {
	topic      string
	partition  int32
	key, value any // nil: null
	headers    []string
	offset     string
}

// renderRecord copies what a test wants to know of a record, before its batch is recycled.
func renderRecord(r *connect.SourceRecord) captured {
	c := captured{topic: r.Topic, partition: r.Partition, key: renderDatum(r.Key), value: renderDatum(r.Value),
		offset: string(r.Position.Offset.AppendJSON(nil))}
	for _, h := range r.Headers {
		v := h.Value.Value.String()
		if h.Value.Value.Kind() == data.KindStruct {
			v = renderKey(h.Value.Value.Struct())
		}
		c.headers = append(c.headers, h.Key, v)
	}
	return c
}

// renderKey writes a struct of integers and texts as the header converter does.
func renderKey(s *data.Struct) string {
	parts := []string{}
	for i, f := range s.Schema().Fields() {
		v := s.At(i).String()
		if s.At(i).Kind() == data.KindString {
			b, _ := json.Marshal(v)
			v = string(b)
		}
		parts = append(parts, strconv.Quote(f.Name)+":"+v)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func renderDatum(d data.Datum) any {
	if d.Schema == nil {
		return nil
	}
	return map[string]any{"schema": renderSchema(d.Schema, ""), "payload": renderValue(d.Value)}
}

var jsonTypes = map[data.Kind]string{data.KindBool: "boolean", data.KindInt8: "int8", data.KindInt16: "int16", data.KindInt32: "int32",
	data.KindInt64: "int64", data.KindFloat32: "float", data.KindFloat64: "double", data.KindString: "string", data.KindBytes: "bytes",
	data.KindList: "array", data.KindMap: "map", data.KindStruct: "struct"}

func renderSchema(s *data.Schema, field string) map[string]any {
	m := map[string]any{"type": jsonTypes[s.Kind()], "optional": s.Optional()}
	if field != "" {
		m["field"] = field
	}
	if s.Name() != "" {
		m["name"] = s.Name()
	}
	if v, ok := s.Version(); ok {
		m["version"] = float64(v)
	}
	if s.Doc() != "" {
		m["doc"] = s.Doc()
	}
	if d, ok := s.Default(); ok {
		m["default"] = renderValue(d)
	}
	if len(s.Params()) > 0 {
		ps := map[string]any{}
		for _, p := range s.Params() {
			ps[p.Key] = p.Value
		}
		m["parameters"] = ps
	}
	switch s.Kind() {
	case data.KindStruct:
		fs := []any{}
		for _, f := range s.Fields() {
			fs = append(fs, renderSchema(f.Schema, f.Name))
		}
		m["fields"] = fs
	case data.KindList:
		m["items"] = renderSchema(s.ElemSchema(), "")
	}
	return m
}

func renderValue(v data.Value) any {
	switch v.Kind() {
	case data.KindNull:
		return nil
	case data.KindBool:
		return v.Bool()
	case data.KindString:
		return strings.Clone(v.String())
	case data.KindBytes:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case data.KindFloat32:
		return number(data.Float32(v.Float32()).String())
	case data.KindFloat64:
		return number(v.String())
	case data.KindDecimal:
		n, _ := v.Decimal()
		return base64.StdEncoding.EncodeToString(twosComplement(n))
	case data.KindList:
		out := []any{}
		for _, e := range v.List() {
			out = append(out, renderValue(e))
		}
		return out
	case data.KindMap:
		m := map[string]any{}
		for _, e := range v.Map() {
			m[e.Key.String()] = renderValue(e.Value)
		}
		return m
	case data.KindStruct:
		m := map[string]any{}
		for i, f := range v.Struct().Schema().Fields() {
			m[f.Name] = renderValue(v.Struct().AtOrDefault(i))
		}
		return m
	default:
		return number(v.String())
	}
}

// number is a JSON number as a canonical text: 1 and 1.0 are one.
func number(s string) any {
	f, ok := new(big.Float).SetPrec(200).SetString(s)
	if !ok {
		return s
	}
	return "#" + f.Text('g', 40)
}

func twosComplement(n *big.Int) []byte {
	if n.Sign() >= 0 {
		b := n.Bytes()
		if len(b) == 0 || b[0]&0x80 != 0 {
			b = append([]byte{0}, b...)
		}
		return b
	}
	size := (n.BitLen() + 8) / 8
	m := new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	b := m.Bytes()
	for len(b) > 1 && b[0] == 0xff && b[1]&0x80 != 0 {
		b = b[1:]
	}
	return b
}

// parseGolden reads a JSON text into the same forms.
func parseGolden(t testing.TB, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("golden record %.100s: %v", text, err)
	}
	return canonical(v)
}

func canonical(v any) any {
	switch x := v.(type) {
	case json.Number:
		return number(x.String())
	case map[string]any:
		for k, e := range x {
			if k == "version" {
				if n, ok := e.(json.Number); ok {
					f, _ := n.Float64()
					x[k] = f
					continue
				}
			}
			x[k] = canonical(e)
		}
	case []any:
		for i := range x {
			x[i] = canonical(x[i])
		}
	}
	return v
}

type goldenRecord struct {
	Topic   string   `json:"topic"`
	Key     *string  `json:"key"`
	Payload *string  `json:"payload"`
	Headers []string `json:"headers"`
}

func goldenRecords(t testing.TB, file string) []goldenRecord {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "golden", file))
	if err != nil {
		t.Fatal(err)
	}
	var out []goldenRecord
	for line := range strings.Lines(string(b)) {
		var r goldenRecord
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		out = append(out, r)
	}
	return out
}

func parseConfig(t testing.TB, props config.Props) config.Values {
	t.Helper()
	def := Def
	if flavorOf(props) == mariadbFlavor {
		def = mariadbDef
	}
	v, err := def.Parse(props)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// flavorOf is the flavor of the connector that the config is of; MySQL's if it names none.
func flavorOf(props config.Props) *flavor {
	if props["connector.class"] == MariaDB.Name {
		return mariadbFlavor
	}
	return mysqlFlavor
}

// running is a started task.
type running struct {
	t    testing.TB
	task *task
	seen []captured
}

func startTask(t testing.TB, props config.Props, logs *memoryLogs, stored string) *running {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return startLogged(t, props, logs, stored, log)
}

func startLogged(t testing.TB, props config.Props, logs *memoryLogs, stored string, log *slog.Logger) *running {
	t.Helper()
	r := &running{t: t, task: &task{flavor: flavorOf(props)}}
	err := r.task.Start(t.Context(), connect.SourceTaskContext{ID: connect.TaskID{Connector: "c"}, Config: parseConfig(t, props),
		Offsets: storedOffset(stored), Logs: logs, Log: log, Metrics: connect.NoMetrics{}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// until polls until enough says so of all records seen.
func (r *running) until(what string, enough func(all []captured) bool) {
	r.t.Helper()
	end := time.Now().Add(30 * time.Second)
	for !enough(r.seen) {
		if time.Now().After(end) {
			r.t.Fatalf("waiting for %s: only %d records came", what, len(r.seen))
		}
		r.poll()
	}
}

func (r *running) poll() {
	r.t.Helper()
	out, err := r.task.Poll(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, rec := range out {
		r.seen = append(r.seen, renderRecord(rec))
	}
	r.task.Recycle(out)
}

func (r *running) stop() {
	if err := r.task.Stop(context.Background()); err != nil {
		r.t.Error(err)
	}
}

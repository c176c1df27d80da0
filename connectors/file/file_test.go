package file

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/connecttest"
	"github.com/connectd/connectd/connect/data"
)

func write(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSourceConformance(t *testing.T) {
	connecttest.Source(t, connecttest.SourceDriver{
		Plugin: Source("1"),
		Props: func(t testing.TB) config.Props {
			return config.Props{"file": filepath.Join(t.TempDir(), "in.txt"), "topic": "lines", "batch.size": "3"}
		},
		Add: func(t testing.TB, p config.Props, from, n int) {
			for i := range n {
				write(t, p["file"], fmt.Sprintf("línea %d%s", from+i, []string{"\n", "\r\n"}[i%2]))
			}
		},
	})
}

func TestSinkConformance(t *testing.T) {
	connecttest.Sink(t, connecttest.SinkDriver{
		Plugin: Sink("1"),
		Props: func(t testing.TB) config.Props {
			return config.Props{"file": filepath.Join(t.TempDir(), "out.txt"), "topics": "t"}
		},
		Stored: func(t testing.TB, p config.Props) []string {
			b, err := os.ReadFile(p["file"])
			if err != nil {
				t.Fatal(err)
			}
			return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")[:strings.Count(string(b), "\n")]
		},
		Ordered: true,
	})
}

// started is a source task that reads path, resumed at offset ("" for none).
func started(t *testing.T, props config.Props, offset string) *sourceTask {
	t.Helper()
	task := new(sourceTask)
	if err := start(t, task, props, offset); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := task.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return task
}

func start(t *testing.T, task *sourceTask, props config.Props, offset string) error {
	t.Helper()
	props["topic"] = "t"
	v, err := sourceDef.Parse(props)
	if err != nil {
		t.Fatal(err)
	}
	offsets := new(connecttest.Offsets)
	if offset != "" {
		offsets.Set(json.RawMessage(fmt.Sprintf(`{"filename":%q}`, props["file"])), json.RawMessage(offset))
	}
	return task.Start(context.Background(), connect.SourceTaskContext{Config: v, Offsets: offsets, Log: slog.New(slog.DiscardHandler)})
}

// lines polls until there is nothing more at once; each line with the position behind it.
func lines(t *testing.T, task *sourceTask, polls int) (out []string) {
	t.Helper()
	for range polls {
		rs, err := task.Poll(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rs {
			s := r.Value.Value.String()
			if r.Position.Partition != nil {
				s += string(r.Position.Offset.AppendJSON(nil))
			}
			out = append(out, s)
		}
	}
	return out
}

func TestLineEnds(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"a\nb\n", []string{`a{"position":2}`, `b{"position":4}`}},
		{"a\r\nb\r\n", []string{`a{"position":3}`, `b{"position":6}`}},
		{"a\rb\rc", []string{`a{"position":2}`, `b{"position":4}`}},
		{"\n\r\n\n", []string{`{"position":1}`, `{"position":3}`, `{"position":4}`}},
		{"a\nb\r", []string{`a{"position":2}`}}, // the \r may be half of \r\n
		{"é\nb\n", []string{`é{"position":3}`, `b{"position":5}`}},
		{"a\xffb\n", []string{"a\uFFFDb" + `{"position":4}`}},
	} {
		path := filepath.Join(t.TempDir(), "in")
		write(t, path, c.text)
		if got := lines(t, started(t, config.Props{"file": path}, ""), 1); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestGrowingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in")
	task := started(t, config.Props{"file": path}, "")
	if got := lines(t, task, 1); got != nil {
		t.Errorf("of a missing file: %q", got)
	}
	write(t, path, "a\nhal")
	if got := lines(t, task, 1); !slices.Equal(got, []string{`a{"position":2}`}) {
		t.Errorf("%q", got)
	}
	if got := lines(t, task, 1); got != nil {
		t.Errorf("half a line was sent: %q", got)
	}
	write(t, path, "f\r")
	if got := lines(t, task, 1); got != nil {
		t.Errorf("a line was sent before its end: %q", got)
	}
	write(t, path, "\nc\n")
	if got := lines(t, task, 1); !slices.Equal(got, []string{`half{"position":8}`, `c{"position":10}`}) {
		t.Errorf("%q", got)
	}
}

func TestLongLinesAndSmallBatches(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in")
	long := strings.Repeat("x", 3*readSize+17)
	write(t, path, "a\n"+long+"\nb\nc\n")
	for _, size := range []string{"1", "0", "-5"} { // as Java, less than one record is one
		task := started(t, config.Props{"file": path, "batch.size": size}, "")
		got := lines(t, task, 4)
		if len(got) != 4 || !strings.HasPrefix(got[1], long+"{") || !strings.HasPrefix(got[3], "c{") {
			t.Errorf("batch.size %s: %d lines", size, len(got))
		}
	}
}

func TestRecordsKeepTheirTextWhileTheFileIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in")
	var want []string
	for i := range 30_000 {
		want = append(want, "line "+strconv.Itoa(i))
	}
	write(t, path, strings.Join(want, "\n")+"\n")
	task := started(t, config.Props{"file": path, "batch.size": "777"}, "")
	var rs []*connect.SourceRecord
	for len(rs) < len(want) {
		batch, err := task.Poll(context.Background())
		if err != nil || len(batch) == 0 {
			t.Fatalf("after %d records: %d, %v", len(rs), len(batch), err)
		}
		rs = append(rs, batch...)
	}
	for i, r := range rs {
		if r.Value.Value.String() != want[i] {
			t.Fatalf("record %d is %q", i, r.Value.Value)
		}
	}
}

func TestTruncatedFileIsReadFromTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in")
	write(t, path, "one\ntwo\nthr")
	task := started(t, config.Props{"file": path}, "")
	if got := lines(t, task, 1); len(got) != 2 {
		t.Fatalf("%q", got)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	write(t, path, "new\n")
	if got := lines(t, task, 1); !slices.Equal(got, []string{`new{"position":4}`}) {
		t.Errorf("%q", got)
	}
	// The same after a restart with an offset behind the end.
	if got := lines(t, started(t, config.Props{"file": path}, `{"position":8}`), 1); !slices.Equal(got, []string{`new{"position":4}`}) {
		t.Errorf("restarted: %q", got)
	}
}

func TestStoredOffsets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a&b<c>")
	write(t, path, "a\nb\n")
	for offset, want := range map[string]int{"": 2, `{"position":2}`: 1, `{"position":4}`: 0, `{"position":null}`: 2, `{}`: 2} {
		if got := lines(t, started(t, config.Props{"file": path}, offset), 1); len(got) != want {
			t.Errorf("resumed at %q: %q, want %d lines", offset, got, want)
		}
	}
	for _, offset := range []string{`{"position":-1}`, `{"position":"2"}`, `{"position":1.5}`, `[]`} {
		if err := start(t, new(sourceTask), config.Props{"file": path}, offset); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("resumed at %s: %v, want an error that names the file", offset, err)
		}
	}
}

func TestDirectoryIsAnError(t *testing.T) {
	dir := t.TempDir()
	if _, err := started(t, config.Props{"file": dir}, "").Poll(context.Background()); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v, want an error that names the file", err)
	}
}

func TestStandardInput(t *testing.T) {
	r, w := io.Pipe()
	task := &sourceTask{stdin: newInput(r)}
	if err := start(t, task, config.Props{}, ""); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = io.WriteString(w, "a\nb")
		_, _ = io.WriteString(w, "c\r\n")
		_ = w.Close()
	}()
	if got := lines(t, task, 2); !slices.Equal(got, []string{"a", "bc"}) {
		t.Errorf("%q", got)
	}
	if got := lines(t, task, 1); got != nil { // at the end it is idle
		t.Errorf("%q", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if rs, err := task.Poll(ctx); rs != nil || err != nil {
		t.Errorf("%d records, %v", len(rs), err)
	}
	if err := task.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestAlterOffsets(t *testing.T) {
	good := `{"filename":"/x"}`
	for _, c := range []struct{ file, partition, offset, want string }{
		{"/x", good, `{"position":5}`, ""}, {"/x", `{"any":1}`, "", ""}, {"/x", good, "", ""},
		{"", good, `{"position":5}`, "Offsets cannot be modified if the 'file' configuration is unspecified"},
		{"/x", good, `{}`, "should either be null or contain the key 'position'"},
		{"/x", good, `{"position":"5"}`, "expected to be a Long value"}, {"/x", good, `{"position":1.5}`, "expected to be a Long value"},
		{"/x", good, `{"position":-1}`, "should be a non-negative value"},
		{"/x", `null`, `{"position":5}`, "Partition objects cannot be null"}, {"/x", `{"f":1}`, `{"position":5}`, "should contain the key 'filename'"},
	} {
		v, err := sourceDef.Parse(config.Props{"file": c.file, "topic": "t"})
		if err != nil {
			t.Fatal(err)
		}
		change := connect.OffsetChange{Partition: json.RawMessage(c.partition)}
		if c.offset != "" {
			change.Offset = json.RawMessage(c.offset)
		}
		complete, err := new(sourceConnector).AlterOffsets(context.Background(), v, []connect.OffsetChange{change})
		if c.want == "" && (err != nil || !complete) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s to %s: %v, want %q", c.partition, c.offset, err, c.want)
		}
	}
}

func TestExactlyOnceSupport(t *testing.T) {
	for path, want := range map[string]connect.Support{"/x": connect.Supported, "": connect.Unsupported} {
		v, err := sourceDef.Parse(config.Props{"file": path, "topic": "t"})
		if err != nil {
			t.Fatal(err)
		}
		if got := new(sourceConnector).ExactlyOnceSupport(v); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}

func startSink(t *testing.T, path string) (*sinkTask, error) {
	t.Helper()
	v, err := sinkDef.Parse(config.Props{"file": path})
	if err != nil {
		t.Fatal(err)
	}
	task := new(sinkTask)
	return task, task.Start(context.Background(), connect.SinkTaskContext{Config: v, Control: connecttest.NewSinkControl(nil)})
}

func TestSinkWritesValuesAsJavaPrintsThem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	write(t, path, "kept\n")
	task, err := startSink(t, path)
	if err != nil {
		t.Fatal(err)
	}
	s := data.MakeStruct("s").Field("a", data.Int32Schema).Field("b", data.OptionalStringSchema).Build()
	big := strings.Repeat("y", 100_000)
	var batch []*connect.SinkRecord
	for _, v := range []data.Value{data.String("text"), data.Null(), data.Float64(1), data.Of(data.NewStruct(s).Put("a", data.Int32(1))),
		data.List([]data.Value{data.Int64(1), data.String("x")}), data.String(big)} {
		batch = append(batch, &connect.SinkRecord{Record: connect.Record{Value: data.Datum{Value: v}}})
	}
	if err := task.Put(context.Background(), batch); err != nil {
		t.Fatal(err)
	}
	defer task.Stop(context.Background())
	// The lines are there at once, not only when offsets are committed.
	b, err := os.ReadFile(path)
	if want := "kept\ntext\nnull\n1.0\nStruct{a=1}\n[1, x]\n" + big + "\n"; err != nil || string(b) != want {
		t.Errorf("%.80q, %v", b, err)
	}
}

func TestSinkErrorsNameTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no", "such", "folder")
	task, err := startSink(t, path)
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
	if err := task.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	full, err := startSink(t, "/dev/full")
	if err != nil {
		t.Fatal(err)
	}
	if err := full.Put(context.Background(), []*connect.SinkRecord{{Record: connect.Record{Value: data.Datum{Value: data.String("x")}}}}); err == nil || !strings.Contains(err.Error(), "/dev/full") {
		t.Errorf("a full disk: %v", err)
	}
	if got, err := full.PreCommit(context.Background(), connect.Offsets{{Topic: "t"}: 1}); err == nil || got != nil || !strings.Contains(err.Error(), "/dev/full") {
		t.Errorf("a full disk: %v, %v; nothing may be committed", got, err)
	}
	_ = full.Stop(context.Background())
}

func TestSinkToWhatCannotBeSynced(t *testing.T) {
	task, err := startSink(t, "/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := task.PreCommit(context.Background(), connect.Offsets{{Topic: "t"}: 1}); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if err := task.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

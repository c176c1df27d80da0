package hdfs

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
)

// javaLog builds a log as FSWAL writes it; syncEvery puts a sync marker before each n-th record.
func javaLog(syncEvery int, pairs ...string) []byte {
	mark := []byte("0123456789abcdef")
	b := append([]byte("WAL\x00"), mark...)
	for i := 0; i < len(pairs); i += 2 {
		if syncEvery > 0 && i/2%syncEvery == syncEvery-1 {
			b = append(append(b, 0xff, 0xff, 0xff, 0xff), mark...)
		}
		k, v := javaText(pairs[i]), javaText(pairs[i+1])
		b = binary.BigEndian.AppendUint32(b, uint32(len(k)+len(v)))
		b = binary.BigEndian.AppendUint32(b, uint32(len(k)))
		b = append(append(b, k...), v...)
	}
	return b
}

func javaText(s string) []byte {
	if len(s) <= 127 {
		return append([]byte{byte(len(s))}, s...)
	}
	return append([]byte{0x8f, byte(len(s))}, s...) // -113: one byte follows
}

const javaURL = "hdfs://namenode:8020"

func TestParseWAL(t *testing.T) {
	long := strings.Repeat("x", 200)
	whole := javaLog(2, "BEGIN", "", "a", "b", long, "c", "END", "", "BEGIN", "", "d", "e")
	got, err := parseWAL(whole)
	want := [][]walPair{{{"a", "b"}, {long, "c"}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for n := range whole { // a crash may tear it anywhere
		if _, err := parseWAL(whole[:n]); err != nil && n >= walHeader {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	for name, b := range map[string][]byte{
		"other file":    []byte("PAR1 and so on, something else altogether"),
		"other version": append([]byte("WAL\x01"), make([]byte, 20)...),
		"bad length":    append(javaLog(0), 0x80, 0, 0, 0, 0, 0, 0, 0),
		"bad marker":    append(javaLog(0), append([]byte{0xff, 0xff, 0xff, 0xff}, make([]byte, 16)...)...),
	} {
		if _, err := parseWAL(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzParseWAL(f *testing.F) {
	f.Add(javaLog(1, "BEGIN", "", "a", "b", "END", ""))
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = parseWAL(b) })
}

func TestTakeOverFromJava(t *testing.T) {
	root := t.TempDir()
	put := func(name, content string) {
		t.Helper()
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	row := func(id string) string { return `{"id":` + id + "}\n" }
	dir := "topics/orders/partition=0/orders+0+"
	// The Java connector had committed 0 and 1, had decided on 2 to 3 and renamed nothing yet, and was writing 4.
	put(dir+"0000000000+0000000001.json", row("0")+row("1"))
	put("topics/+tmp/orders/partition=0/x_tmp.json", row("2")+row("3"))
	put("topics/+tmp/orders/partition=0/y_tmp.json", row("4"))
	put("logs/orders/0/log", string(javaLog(0,
		"BEGIN", "", javaURL+"/topics//+tmp/orders/partition=0/x_tmp.json", javaURL+"/"+dir+"0000000002+0000000003.json", "END", "",
		"BEGIN", "", javaURL+"/topics//+tmp/orders/partition=0/y_tmp.json", javaURL+"/"+dir+"0000000004+0000000004.json")))
	group := connect.Offsets{tp0: 2}
	w := newWorker(t, localFS{root: root}, nil, log1(), group)
	if err := w.run(t, limit, nil); err != nil {
		t.Fatal(err)
	}
	verify(t, root, log1())
	if _, err := os.Stat(filepath.Join(root, "logs/orders/0/log")); !os.IsNotExist(err) {
		t.Errorf("the log is still in force: %v", err)
	}
	if _, err := os.Stat(filepath.Join(root, "logs/orders/0/log.applied")); err != nil {
		t.Error(err)
	}
}

// TestLogKnowsOffsetsOfMovedFiles: files may have been moved away since the Java connector committed them.
func TestLogKnowsOffsetsOfMovedFiles(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "logs/orders/0"), 0o755); err != nil {
		t.Fatal(err)
	}
	old := javaLog(0, "BEGIN", "", "hdfs://n/tmp/x", "hdfs://n/topics/orders/partition=0/orders+0+0000000004+0000000007.json", "END", "")
	if err := os.WriteFile(filepath.Join(root, "logs/orders/0/log.1"), old, 0o644); err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, localFS{root: root}, nil, log1(), connect.Offsets{})
	if err := w.open(t); err != nil {
		t.Fatal(err)
	}
	if got := w.ctl.seek[tp0]; got != 8 {
		t.Errorf("seeks to %d, want 8", got)
	}
}

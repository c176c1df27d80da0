//go:build integration

package hdfs

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"testing"
	"time"

	"github.com/hamba/avro/v2/ocf"
	"github.com/parquet-go/parquet-go"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// bedFS connects to the HDFS named by BED_HDFS (host:port).
func bedFS(t *testing.T) fileSystem {
	t.Helper()
	host := os.Getenv("BED_HDFS")
	if host == "" {
		t.Fatal("BED_HDFS=host:port must name the NameNode of the test bed")
	}
	t.Setenv("HADOOP_USER_NAME", "hdfs")
	f, err := dialHDFS(host, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// walk lists the files below dir.
func walk(t *testing.T, f fileSystem, dir string) []string {
	t.Helper()
	list, err := f.List(dir)
	if err != nil {
		t.Fatalf("listing %s: %v", dir, err)
	}
	var out []string
	for _, e := range list {
		if e.Dir {
			out = append(out, walk(t, f, dir+"/"+e.Name)...)
		} else {
			out = append(out, dir+"/"+e.Name)
		}
	}
	return out
}

func bedProps(base string, more config.Props) config.Props {
	p := config.Props{"topics.dir": base + "/topics", "logs.dir": base + "/logs", "flush.size": "4"}
	for k, v := range more {
		p[k] = v
	}
	return p
}

// ids reads the ids of a file's records with another library than the one that wrote them knows nothing of.
func ids(t *testing.T, f fileSystem, name string) []int64 {
	t.Helper()
	b, err := f.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var out []int64
	switch path.Ext(name) {
	case ".json":
		for sc := bufio.NewScanner(bytes.NewReader(b)); sc.Scan(); {
			var r struct{ ID int64 }
			if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			out = append(out, r.ID)
		}
	case ".avro":
		d, err := ocf.NewDecoder(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		for d.HasNext() {
			var r struct {
				ID int64 `avro:"id"`
			}
			if err := d.Decode(&r); err != nil {
				t.Fatal(err)
			}
			out = append(out, r.ID)
		}
		if d.Error() != nil {
			t.Fatal(d.Error())
		}
	case ".parquet":
		rows, err := parquet.Read[struct {
			ID int64 `parquet:"id"`
		}](bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			out = append(out, r.ID)
		}
	}
	return out
}

func verifyBed(t *testing.T, f fileSystem, dir string, log map[connect.TopicPartition]int64) {
	t.Helper()
	seen := map[string]int{}
	for _, name := range walk(t, f, dir) {
		topic, p, _, ok := parseName(path.Base(name))
		if !ok {
			t.Fatalf("unexpected file %s", name)
		}
		for _, id := range ids(t, f, name) {
			seen[fmt.Sprintf("%s-%d@%d", topic, p, id)]++
		}
	}
	total := 0
	for tp, end := range log {
		for o := range end {
			total++
			if n := seen[fmt.Sprintf("%s@%d", tp, o)]; n != 1 {
				t.Errorf("%s offset %d is there %d times", tp, o, n)
			}
		}
	}
	if len(seen) != total {
		t.Errorf("%d different records, want %d", len(seen), total)
	}
}

func fourPartitions(end int64) map[connect.TopicPartition]int64 {
	log := map[connect.TopicPartition]int64{}
	for p := range int32(4) {
		log[connect.TopicPartition{Topic: "orders", Partition: p}] = end
	}
	return log
}

func TestBedFormats(t *testing.T) {
	f := bedFS(t)
	for _, class := range []string{jsonFormat, avroFormat, parquetFormat} {
		for name, props := range layouts {
			t.Run(path.Ext(class)+" "+name, func(t *testing.T) {
				base := fmt.Sprintf("/it-%d", time.Now().UnixNano())
				t.Cleanup(func() { _ = f.Remove(base) })
				p := bedProps(base, props)
				p["format.class"] = class
				log := fourPartitions(20)
				w := newWorker(t, f, p, log, connect.Offsets{})
				if err := w.run(t, 100, nil); err != nil {
					t.Fatal(err)
				}
				if !w.done() {
					t.Fatalf("not all is committed: %v", w.last)
				}
				verifyBed(t, f, base+"/topics/orders", log)
				if err := w.task.Close(t.Context(), keys(log), false); err != nil {
					t.Fatal(err)
				}
				if left := walk(t, f, base+"/topics/+tmp"); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
			})
		}
	}
}

func keys(log map[connect.TopicPartition]int64) []connect.TopicPartition {
	var out []connect.TopicPartition
	for tp := range log {
		out = append(out, tp)
	}
	return out
}

// TestBedCrash abandons a task at many calls of HDFS and lets a new one, with a client of its own, go on.
func TestBedCrash(t *testing.T) {
	plain := bedFS(t)
	for name, props := range layouts {
		t.Run(name, func(t *testing.T) {
			for n := 1; n < 120; n += 7 {
				base := fmt.Sprintf("/it-%d", time.Now().UnixNano())
				f := &faultFS{fileSystem: plain}
				f.hook = func(i int) (error, error) {
					if i > n {
						return errInjected, nil
					}
					if i == n {
						return nil, errInjected
					}
					return nil, nil
				}
				log := map[connect.TopicPartition]int64{tp0: 12}
				group := connect.Offsets{}
				first := newWorker(t, f, bedProps(base, props), log, group)
				if err := first.run(t, 5, func() bool { return f.n > n+10 }); err != nil {
					t.Fatal(err)
				}
				second := newWorker(t, bedFS(t), bedProps(base, props), log, group)
				if err := second.run(t, 50, nil); err != nil {
					t.Fatal(err)
				}
				if !second.done() {
					t.Fatalf("crash at call %d: not all is committed: %v", n, second.last)
				}
				verifyBed(t, plain, base+"/topics/orders", log)
				_ = plain.Remove(base)
			}
		})
	}
}

// TestBedNameNodeKilled kills the NameNode while records are written and starts it again. BED is the script of the test bed.
func TestBedNameNodeKilled(t *testing.T) {
	script := os.Getenv("BED")
	if script == "" {
		t.Fatal("BED must name the script of the test bed; eval what test/bed/bed env prints")
	}
	f := bedFS(t)
	base := fmt.Sprintf("/it-%d", time.Now().UnixNano())
	log := fourPartitions(400)
	w := newWorker(t, f, bedProps(base, layouts["field partitioner"]), log, connect.Offsets{})
	w.batch = 20
	if err := w.open(t); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := w.step(t); err != nil {
			t.Fatal(err)
		}
	}
	bed(t, script, "kill", "hdfs", "namenode")
	for failed := 0; failed < 3; {
		if w.done() {
			t.Fatal("all was committed before the NameNode was killed: the test does not test")
		}
		if err := w.step(t); err != nil {
			t.Fatal(err)
		}
		if w.last != nil {
			failed++
		}
	}
	t.Log("while the NameNode is away:", w.last)
	bed(t, script, "up", "hdfs")
	end := time.Now().Add(2 * time.Minute)
	for !w.done() {
		if err := w.step(t); err != nil {
			t.Fatal(err)
		}
		if w.last != nil {
			if time.Now().After(end) {
				t.Fatalf("never got over it: %v", w.last)
			}
			time.Sleep(200 * time.Millisecond) // retry.backoff.ms of the loop
		}
	}
	verifyBed(t, f, base+"/topics/orders", log)
	_ = f.Remove(base)
}

func bed(t *testing.T, script string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, script, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", script, args, err, out)
	}
}

func TestBedCalls(t *testing.T) {
	f := bedFS(t)
	base := fmt.Sprintf("/it-%d", time.Now().UnixNano())
	t.Cleanup(func() { _ = f.Remove(base) })
	isMissing := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v, want fs.ErrNotExist", what, err)
		}
	}
	_, err := f.Create(base + "/x/y")
	isMissing("create without a parent", err)
	_, err = f.List(base)
	isMissing("list", err)
	isMissing("rename", f.Rename(base+"/a", base+"/b"))
	if err := f.Mkdir(base + "/d"); err != nil {
		t.Fatal(err)
	}
	out, err := f.Create(base + "/d/a")
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	isMissing("rename into a missing directory", f.Rename(base+"/d/a", base+"/e/a"))
	if err := f.Remove(base + "/none"); err != nil {
		t.Errorf("remove of nothing: %v", err)
	}
	if err := f.Rename(base+"/d", base+"/fenced-d"); err != nil {
		t.Fatal(err)
	}
	if err := f.RecoverLease(base + "/fenced-d/a"); err != nil {
		t.Errorf("recovering a lease nobody holds: %v", err)
	}
}

// TestBedFileOfFencedDirectory: a zombie is in the middle of a file when its directory is fenced off. Whatever HDFS answers, no file
// comes back under the old name, and nothing can be renamed from there or put there.
func TestBedFileOfFencedDirectory(t *testing.T) {
	f := bedFS(t)
	base := fmt.Sprintf("/it-%d", time.Now().UnixNano())
	t.Cleanup(func() { _ = f.Remove(base) })
	if err := f.Mkdir(base + "/a"); err != nil {
		t.Fatal(err)
	}
	out, err := f.Create(base + "/a/1_tmp")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write(bytes.Repeat([]byte("x"), 100_000)); err != nil {
		t.Fatal(err)
	}
	if err := f.Rename(base+"/a", base+"/fenced-a"); err != nil {
		t.Fatal(err)
	}
	t.Logf("closing the file afterwards: %v", out.Close())
	if _, err := f.Stat(base + "/a/1_tmp"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat: got %v, want fs.ErrNotExist", err)
	}
	if err := f.Rename(base+"/a/1_tmp", base+"/final"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("rename: got %v, want fs.ErrNotExist", err)
	}
	if _, err := f.Create(base + "/a/2_tmp"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("create: got %v, want fs.ErrNotExist", err)
	}
	if err := f.Remove(base + "/fenced-a"); err != nil {
		t.Errorf("removing a directory with a file that may be open: %v", err)
	}
}

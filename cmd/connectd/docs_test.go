package main

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestReferenceIsCurrent: docs/reference is what the declarations say; `make docs` writes it anew.
func TestReferenceIsCurrent(t *testing.T) {
	dir := t.TempDir()
	if err := docs([]string{dir}); err != nil {
		t.Fatal(err)
	}
	const kept = "../../docs/reference"
	fresh := pages(t, dir)
	for name, text := range pages(t, kept) {
		if fresh[name] != text {
			t.Errorf("docs/reference/%s is not what the code declares; run make docs", name)
		}
		delete(fresh, name)
	}
	for name := range fresh {
		t.Errorf("docs/reference/%s is missing; run make docs", name)
	}
}

func pages(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no pages: %v", dir, err)
	}
	out := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(f)] = string(b)
	}
	return out
}

// TestPluginsHaveOneOwnerPerName: the list adds up, and what a worker config may name is there.
func TestPluginsHaveOneOwnerPerName(t *testing.T) {
	reg, err := plugins()
	if err != nil {
		t.Fatal(err)
	}
	for _, class := range []string{
		"io.debezium.connector.mysql.MySqlConnector", "org.apache.kafka.connect.file.FileStreamSourceConnector", "FileStreamSource",
	} {
		if _, err := reg.Sources.Lookup(class, ""); err != nil {
			t.Error(err)
		}
	}
	for _, class := range []string{
		"io.confluent.connect.elasticsearch.ElasticsearchSinkConnector", "io.confluent.connect.hdfs.HdfsSinkConnector", "FileStreamSink",
	} {
		if _, err := reg.Sinks.Lookup(class, ""); err != nil {
			t.Error(err)
		}
	}
}

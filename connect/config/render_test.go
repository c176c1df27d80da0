package config

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

func TestMarkdown(t *testing.T) {
	def := NewDef(
		Long("retry.backoff.ms", AtLeast(0)).Default(300000).Group("Retries", 2).Importance(Low).Doc("Pause between attempts."),
		Int("max.retries").Default(10).Group("Retries", 1).Aliases("retries"),
		Int("buffer.bytes").Default(33554432),
		String("url").Required().Importance(High).Valid(NonEmpty()).Doc("Where to write."),
		List("empty").Default(nil),
		List("tags").Default([]string{"a", "b"}),
		Password("password").Default(NewSecret("x")),
		Boolean("secret.switch").Internal(),
	)
	var b strings.Builder
	if err := def.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	const file = "testdata/reference.md"
	if *rewrite {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestMarkdownReportsWriteErrors(t *testing.T) {
	boom := errors.New("disk full")
	if err := NewDef(Int("k")).WriteMarkdown(brokenWriter{boom}); !errors.Is(err, boom) {
		t.Errorf("%v", err)
	}
}

package broker

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestDataOutlivesARestart(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	b, err := Start("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start("127.0.0.1:0", dir); err == nil {
		t.Error("a second broker was let on the same folder")
	}
	client(t, b, func(cl *kgo.Client) {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	})
	b.Close()
	b, err = Start("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	client(t, b, func(cl *kgo.Client) {
		cl.AddConsumeTopics("t")
		fs := cl.PollFetches(ctx)
		if rs := fs.Records(); fs.Err() != nil || len(rs) != 1 || string(rs[0].Value) != "v" {
			t.Errorf("after the restart: %v, %v", rs, fs.Err())
		}
	})
}

func client(t *testing.T, b *Broker, f func(*kgo.Client)) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.AllowAutoTopicCreation(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	f(cl)
}

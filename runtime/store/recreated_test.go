package store

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/internal/kafkatest"
	"github.com/connectd/connectd/runtime/cluster"
)

// TestConfigTopicCreatedAnew: offsets begin again, so what is read of the new topic has to count as newer than what was read of the old one.
func TestConfigTopicCreatedAnew(t *testing.T) {
	k := kafkatest.Start(t)
	c := newConfig(t, testOptions(k, "configs", -1))
	runs(t, c)
	for _, name := range []string{"one", "two", "three"} {
		write(t, c, cluster.PutConnector{Name: name, Config: config.Props{"name": name}})
	}
	before := c.Snapshot()
	cl, err := kgo.NewClient(kgo.SeedBrokers(k.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	if _, err := adm.DeleteTopic(t.Context(), "configs"); err != nil {
		t.Fatal(err)
	}
	if _, err := adm.CreateTopic(t.Context(), 1, 1, nil, "configs"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		write(t, c, cluster.PutConnector{Name: "new", Config: config.Props{"name": "new"}})
		if now := c.Snapshot(); now.Contains("new") && now.Incarnation == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", c.Snapshot())
		}
	}
	now := c.Snapshot()
	if !before.Before(now) || now.Before(before) || !now.Contains("one") {
		t.Errorf("before %+v\nnow %+v", before, now)
	}
}

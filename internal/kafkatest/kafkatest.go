// Package kafkatest starts an in-process Kafka cluster for tests and looks into its topics.
//
//	cluster := kafkatest.Start(t)
//	servers := kafkatest.Servers(cluster) // bootstrap.servers
//	records := kafkatest.Dump(t, cluster, "topic")
package kafkatest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Start starts a cluster of one broker on a free port of 127.0.0.1 that ends with the test. Further options come on top.
func Start(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatalf("starting the cluster: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

// Servers is the cluster's bootstrap.servers.
func Servers(c *kfake.Cluster) string { return strings.Join(c.ListenAddrs(), ",") }

// Client makes a client that is closed with the test.
func Client(t testing.TB, c *kfake.Cluster, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...), kgo.MetadataMinAge(20 * time.Millisecond)}, opts...)...)
	if err != nil {
		t.Fatalf("making a client: %v", err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// Produce writes records, in order, to the partition each names, and waits until they are durable.
func Produce(t testing.TB, c *kfake.Cluster, records ...*kgo.Record) {
	t.Helper()
	cl := Client(t, c, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := cl.ProduceSync(context.Background(), records...).FirstErr(); err != nil {
		t.Fatalf("producing: %v", err)
	}
}

// Dump returns the records of a topic up to its end, by partition and offset; only those of committed transactions, no markers.
func Dump(t testing.TB, c *kfake.Cluster, topic string) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	// Markers are kept while reading: they tell that the end is reached.
	cl := Client(t, c, kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	ends, err := kadm.NewClient(cl).ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		t.Fatalf("listing the end of %s: %v", topic, err)
	}
	left := map[int32]int64{}
	for p, o := range ends[topic] {
		if o.Offset > 0 {
			left[p] = o.Offset
		}
	}
	parts := map[int32][]*kgo.Record{}
	for len(left) > 0 {
		f := cl.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatalf("reading %s: %v", topic, err)
		}
		f.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				parts[r.Partition] = append(parts[r.Partition], r)
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	var out []*kgo.Record
	for p := range int32(len(ends[topic])) {
		out = append(out, parts[p]...)
	}
	return out
}

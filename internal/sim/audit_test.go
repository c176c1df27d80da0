package sim

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
)

// audit lets the sources run dry and checks invariants 1 and 2 at the far end: every record that a stored offset covers is in the topic,
// in order at its first sight and without a gap, and every sink has got every record.
func (b *bed) audit() {
	b.Helper()
	b.mu.Lock()
	b.done = true
	b.mu.Unlock()
	time.Sleep(15 * time.Second) // what is on its way arrives, and is committed
	synctest.Wait()
	cl, err := kgo.NewClient(kgo.SeedBrokers("localhost:9001"), kgo.Dialer(b.net.DialContext), kgo.ConsumeTopics("data"))
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(context.Background(), "data")
	if err != nil {
		b.Fatal(err)
	}
	total, seen := int64(0), int64(0)
	ends.Each(func(o kadm.ListedOffset) { total += o.Offset })
	first := map[string]int{} // per share, the next number to see
	for seen < total {
		cl.PollFetches(context.Background()).EachRecord(func(r *kgo.Record) {
			seen++
			b.inOrder(first, string(r.Value))
		})
	}
	b.event(fmt.Sprintf("%d records, %v", total, first))
	b.checkOffsets(first)
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, got := range b.sunk {
		ends.Each(func(o kadm.ListedOffset) {
			for at := range o.Offset {
				if !got[connect.TopicOffset{TopicPartition: connect.TopicPartition{Topic: "data", Partition: o.Partition}, Offset: at}] {
					b.Errorf("sink %s never got offset %d of partition %d", name, at, o.Partition)
					return
				}
			}
		})
	}
}

func (b *bed) inOrder(first map[string]int, text string) {
	i := strings.LastIndexByte(text, '/')
	share := text[:i]
	n, err := strconv.Atoi(text[i+1:])
	switch {
	case err != nil:
		b.Errorf("record %q", text)
	case n > first[share]:
		b.Errorf("record %d of %s comes before %d", n, share, first[share])
		first[share] = n + 1
	case n == first[share]:
		first[share]++
	}
}

func (b *bed) checkOffsets(first map[string]int) {
	n := b.alive()[0]
	for share, next := range first {
		name, s, _ := strings.Cut(share, "/")
		got, err := n.offsets.Read(context.Background(), name, connect.NewSourcePartition([]byte(fmt.Sprintf(`{"share":%q}`, s))))
		if err != nil {
			b.Fatal(err)
		}
		var at int
		if got[0] == nil {
			continue
		}
		if _, err := fmt.Sscanf(string(got[0]), `{"n":%d}`, &at); err != nil {
			b.Fatal(err)
		}
		if at >= next {
			b.Errorf("the stored offset of %s is %d, its last record %d", share, at, next-1)
		}
	}
}

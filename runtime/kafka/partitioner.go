package kafka

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Partitioner sends a record to its Partition if that is not negative, and else partitions as Java does: murmur2 of the key, sticky
// without a key. A record made for it must have Partition -1 (connect.NoPartition) where the choice is free: the zero value is a choice.
func Partitioner() kgo.Partitioner { return partitioner{rest: kgo.StickyKeyPartitioner(nil)} }

type partitioner struct{ rest kgo.Partitioner }

func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	rest := p.rest.ForTopic(topic)
	t := topicPartitioner{rest}
	if nb, ok := rest.(kgo.TopicPartitionerOnNewBatch); ok {
		return batchPartitioner{t, nb}
	}
	return t
}

type topicPartitioner struct{ rest kgo.TopicPartitioner }

func (t topicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition >= 0 || t.rest.RequiresConsistency(r)
}

func (t topicPartitioner) Partition(r *kgo.Record, n int) int {
	if r.Partition >= 0 {
		// A partition that does not exist is answered as it is: the client fails the record.
		return int(r.Partition)
	}
	return t.rest.Partition(r, n)
}

type batchPartitioner struct {
	topicPartitioner
	onNewBatch kgo.TopicPartitionerOnNewBatch
}

func (b batchPartitioner) OnNewBatch() { b.onNewBatch.OnNewBatch() }

// parseISODuration reads the ISO 8601 durations that java.time.Duration reads: PnDTnHnMnS.
func parseISODuration(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is not an ISO 8601 duration like P7D or PT12H", s)
	rest, ok := strings.CutPrefix(strings.ToUpper(s), "P")
	if !ok || rest == "" || rest == "T" {
		return 0, bad
	}
	days, clock, _ := strings.Cut(rest, "T")
	var total float64
	read := func(part string, units map[byte]float64) bool {
		for part != "" {
			i := strings.IndexFunc(part, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
			if i <= 0 {
				return false
			}
			n, err := strconv.ParseFloat(part[:i], 64)
			unit, known := units[part[i]]
			if err != nil || !known {
				return false
			}
			total += n * unit
			part = part[i+1:]
		}
		return true
	}
	if !read(days, map[byte]float64{'D': 86400}) || !read(clock, map[byte]float64{'H': 3600, 'M': 60, 'S': 1}) ||
		total > math.MaxInt64/float64(time.Second) {
		return 0, bad
	}
	return time.Duration(total * float64(time.Second)), nil
}

package topiclog

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// openTransactions tells of the open transactions in some partitions, for a message: whose they are, and which hang, as brokers can leave them
// that were killed: the transaction's coordinator takes partitions without a leader for deleted, and ends the transaction without them
// (TransactionMarkerChannelManager.addTxnMarkersToBrokerQueue). What it cannot learn is said in the text; client is nil between sessions.
func (l *Log) openTransactions(ctx context.Context, client *kgo.Client, partitions map[int32]int64) string {
	if client == nil {
		return "not known: the topic cannot be read"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	adm := kadm.NewClient(client)
	topics := kadm.TopicsSet{}
	for p := range partitions {
		topics.Add(l.cfg.Topic, p)
	}
	described, err := adm.DescribeProducers(ctx, topics)
	if err != nil && len(described) == 0 {
		return "not known: " + err.Error()
	}
	var out []string
	for _, p := range described.SortedProducers() {
		if p.CurrentTxnStartOffset >= 0 {
			out = append(out, fmt.Sprintf("partition %d from offset %d: producer %d, epoch %d, last record %s, %s", p.Partition, p.CurrentTxnStartOffset,
				p.ProducerID, p.ProducerEpoch, time.UnixMilli(p.LastTimestamp).UTC().Format(time.RFC3339), l.coordinated(ctx, adm, p)))
		}
	}
	if out == nil {
		return "none"
	}
	return strings.Join(out, "; ")
}

// coordinated tells what the coordinator knows of a producer's transaction. One that it does not have under way in the partition never ends by
// itself.
func (l *Log) coordinated(ctx context.Context, adm *kadm.Client, p kadm.DescribedProducer) string {
	listed, err := adm.ListTransactions(ctx, []int64{p.ProducerID}, nil)
	if err != nil {
		return "coordinator: " + err.Error()
	}
	text := "unknown to any coordinator"
	if ids := listed.TransactionalIDs(); len(ids) > 0 {
		described, err := adm.DescribeTransactions(ctx, ids...)
		if err != nil {
			return "coordinator: " + err.Error()
		}
		for _, t := range described.Sorted() {
			text = "transactional id " + t.TxnID + ", state " + t.State
			if t.Topics.Lookup(p.Topic, p.Partition) {
				return text
			}
		}
	}
	return text + fmt.Sprintf(": it hangs, end it with kafka-transactions.sh abort --topic %s --partition %d --start-offset %d (find-hanging shows its other partitions)",
		p.Topic, p.Partition, p.CurrentTxnStartOffset)
}

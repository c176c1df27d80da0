package topiclog

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/internal/kafkatest"
)

func TestOpenTransactionsAreTold(t *testing.T) {
	c := kafkatest.Start(t, kfake.SeedTopics(2, "log"))
	l, reader := New(Config{Topic: "log"}), kafkatest.Client(t, c)
	tell := func() string { return l.openTransactions(t.Context(), reader, map[int32]int64{0: 0, 1: 0}) }
	if got := tell(); got != "none" {
		t.Errorf("without a transaction: %s", got)
	}
	if got := l.openTransactions(t.Context(), nil, map[int32]int64{0: 0}); !strings.HasPrefix(got, "not known") {
		t.Errorf("between sessions: %s", got)
	}
	cl := kafkatest.Client(t, c, kgo.TransactionalID("x"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "log", Partition: 1, Value: []byte("v")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if got := tell(); !strings.HasPrefix(got, "partition 1 from offset 0: ") || !strings.HasSuffix(got, "transactional id x, state Ongoing") {
		t.Errorf("under way: %s", got)
	}
	// A coordinator that has ended the transaction without the partition, as Kafka's does with those that have no leader at that moment.
	c.ControlKey(int16(kmsg.DescribeTransactions), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.DescribeTransactionsResponse)
		state := kmsg.NewDescribeTransactionsResponseTransactionState()
		state.TransactionalID, state.State = "x", "Empty"
		resp.TransactionStates = append(resp.TransactionStates, state)
		return resp, nil, true
	})
	if got, want := tell(), "state Empty: it hangs, end it with kafka-transactions.sh abort --topic log --partition 1 --start-offset 0 (find-hanging shows its other partitions)"; !strings.HasSuffix(got, want) {
		t.Errorf("hanging: %s", got)
	}
	if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if got := tell(); got != "none" {
		t.Errorf("ended: %s", got)
	}
}

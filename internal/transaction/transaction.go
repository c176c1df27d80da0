// Package transaction ends transactions of Kafka producers.
package transaction

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// End commits or aborts the transaction of a client all of whose records are acknowledged or have failed (behind Flush or
// ProduceSync). Use it instead of the client's own method, which may take a transaction for an empty one:
//
// The client hands the records that waited for a topic's metadata to its partitions before it publishes these partitions
// (kgo.Client.storePartitionsUpdate). On a busy machine the records may be acknowledged in between. EndTransaction, which looks at published
// partitions, then finds nothing that was produced: it aborts instead of committing, without an error (or does not end the transaction
// at all, with brokers before 4.0), and the next record of the partition is refused with OUT_OF_ORDER_SEQUENCE_NUMBER, for its sequence was
// not begun anew. The client publishes under the lock that AbortBufferedRecords takes: behind it the partitions are known. With nothing
// left to send it does nothing else.
func End(ctx context.Context, cl *kgo.Client, commit kgo.TransactionEndTry) error {
	if err := cl.AbortBufferedRecords(ctx); err != nil {
		return err
	}
	return cl.EndTransaction(ctx, commit)
}

package sourcetask

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/memory"
	"github.com/connectd/connectd/runtime/metrics"
	"github.com/connectd/connectd/runtime/pipeline"
)

// PartitionOffset is one source partition and its newest acknowledged offset, both JSON objects; a nil Offset removes it.
type PartitionOffset struct{ Partition, Offset json.RawMessage }

// OffsetWriter stores source offsets. Write returns when all of them are durable; on error none is taken as stored and they come
// again with the next commit. Called from one goroutine at a time. ctx carries the deadline (offset.flush.timeout.ms).
type OffsetWriter interface {
	Write(ctx context.Context, offsets []PartitionOffset) error
}

// TopicCreator makes sure that a topic exists (topic.creation.*, KIP-158). It is called once per topic, before the first record goes
// there, from the sending goroutine. An error that is connect.Retriable is tried again until the task stops; any other fails the task.
type TopicCreator interface {
	EnsureTopic(ctx context.Context, topic string) error
}

// TopicLimits is a TopicCreator that knows how large a batch may be: the client does not split one that the broker refuses, so good
// records would fail with it. It is asked after EnsureTopic; 0 and errors mean not known.
type TopicLimits interface {
	MaxMessageBytes(ctx context.Context, topic string) (int32, error)
}

// Config makes a Task.
type Config struct {
	ID connect.TaskID
	// Task is fresh. Context is handed to its Start; ID, Log and Metrics are filled in if missing.
	Task    connect.SourceTask
	Context connect.SourceTaskContext
	// Chain belongs to the task, which closes it and its dead-letter queue.
	Chain *pipeline.Chain
	// Threads is how many goroutines may transform and convert the records of one large batch (source.conversion.threads); below 2: one.
	// AnotherChain makes one more instance of Chain's plugins, without its error handling; nil: there can be none.
	Threads      int
	AnotherChain func() (*pipeline.Chain, error)

	fanoutLeast, fanoutChunk int // of tests; 0: the constants

	// Producer are the options of the task's own Kafka client: brokers, security, acks, compression, linger, idempotence, and a
	// partitioner that leaves records with a Partition of their own where they are (kafka.Partitioner). Limits of buffered records and
	// bytes are set by the task, from MaxBufferedBytes.
	Producer []kgo.Opt
	// LoginRefused tells errors of connecting that no retry heals, with a hint (kafka.Refused); nil: none.
	LoginRefused func(error) (hint string, refused bool)
	Offsets      OffsetWriter
	Topics       TopicCreator // nil: topics are taken as they are
	// MaxBatchBytes is the largest batch of Producer (max.request.size); 0: what Producer says, whatever topics take.
	MaxBatchBytes int32
	// Transaction makes the task exactly-once; then Offsets is not used, nor is CommitInterval. Nil: at least once.
	Transaction *Transaction
	// Fallback are options to add to Producer where Refused says of the producer's first error that idempotent writes are not allowed.
	Fallback []kgo.Opt
	Refused  func(error) bool // nil: never

	CommitInterval time.Duration // offset.flush.interval.ms; 0: 60 s
	CommitTimeout  time.Duration // offset.flush.timeout.ms; 0: 5 s. Also how long acknowledgements are awaited on stop
	// MaxBufferedBytes bounds keys and values handed to the producer and not yet acknowledged; 0: 8 MiB. At four times of it, memory
	// held for unfinished batches stops the polling too.
	MaxBufferedBytes int64

	// Memory is the worker's, which the task shares; nil: no common limit.
	Memory *memory.Budget

	Paused  bool // begin in state PAUSED: Start is called on the first Resume
	Events  pipeline.Events
	Metrics *metrics.Scope // nil: not counted. Closed by the caller
	Log     *slog.Logger   // nil: slog.Default
}

const (
	defaultCommitInterval = time.Minute
	defaultCommitTimeout  = 5 * time.Second
	defaultBufferedBytes  = 8 << 20
)

func (c *Config) setDefaults() {
	if c.CommitInterval <= 0 {
		c.CommitInterval = defaultCommitInterval
	}
	if c.CommitTimeout <= 0 {
		c.CommitTimeout = defaultCommitTimeout
	}
	if c.MaxBufferedBytes <= 0 {
		c.MaxBufferedBytes = defaultBufferedBytes
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.Context.ID = c.ID
	if c.Context.Log == nil {
		c.Context.Log = c.Log
	}
	if c.Context.Metrics == nil {
		c.Context.Metrics = c.Metrics
	}
}

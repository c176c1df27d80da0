package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/connectorconfig"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/worker"
)

// replayFlags are those of connectd dlq replay alone.
type replayFlags struct {
	group, connectorFile string
	byKey, dryRun, skip  bool
	count                int64
	rate                 float64
}

func (f *replayFlags) flags(fs *flag.FlagSet) {
	fs.StringVar(&f.group, "group", "", "consumer `group` that keeps the place; default: one of the topic and the filter")
	fs.StringVar(&f.connectorFile, "connector-config", "", "config `file` (.json or .properties) of the repaired source connector: its "+
		"transforms and converters make the records of format connect-json")
	fs.BoolVar(&f.byKey, "partition-by-key", false, "choose partitions by key; default: the original partition")
	fs.BoolVar(&f.dryRun, "dry-run", false, "print where each record would go; nothing is written, the place is not moved")
	fs.BoolVar(&f.skip, "skip-bad", false, "pass over dead letters that cannot be replayed; default: stop there")
	fs.Int64Var(&f.count, "count", 0, "at most `n` records; 0: all that are there now")
	fs.Float64Var(&f.rate, "rate", 0, "at most `n` records a second; 0: no limit")
}

func (f *replayFlags) check() error {
	if f.count < 0 || f.rate < 0 {
		return errors.New("--count and --rate must not be negative")
	}
	return nil
}

// replayBatch is how many dead letters are written before the place is kept: after a crash that many may come twice.
const replayBatch = 500

// replayed counts what became of the dead letters.
type replayed struct{ sent, filtered, passed, bad int64 }

// replayer puts records back.
type replayer struct {
	*dlqCommand
	group    string
	spans    map[int32]span
	repair   *repair
	producer *kgo.Client
	n        replayed
	begin    time.Time
	full     bool // --count is reached
}

func (c *dlqCommand) runReplay(ctx context.Context) (err error) {
	r := &replayer{dlqCommand: c, group: c.replay.group, begin: time.Now()}
	if r.group == "" {
		r.group = "connectd-dlq-" + c.topic
		if f := c.filter.text(); f != "" {
			sum := sha256.Sum256([]byte(f))
			r.group += "-" + hex.EncodeToString(sum[:4])
		}
	}
	if c.replay.connectorFile != "" {
		if r.repair, err = c.newRepair(ctx); err != nil {
			return err
		}
		defer r.repair.close()
	}
	if r.spans, err = c.spans(ctx); err != nil {
		return err
	}
	if c.replay.dryRun {
		err = r.dryRun(ctx)
	} else {
		err = r.run(ctx)
	}
	what := "replayed"
	if c.replay.dryRun {
		what = "to replay"
	}
	fmt.Fprintf(c.out, "%d %s, %d dropped by transforms, %d not chosen, %d passed over (group %s)\n",
		r.n.sent, what, r.n.filtered, r.n.passed, r.n.bad, r.group)
	return err
}

// committed is where the group stands, for the partitions it has a place in.
func (r *replayer) committed(ctx context.Context) (map[int32]int64, error) {
	got, err := r.admin.FetchOffsetsForTopics(ctx, r.group, r.topic)
	if err != nil {
		return nil, fmt.Errorf("reading the place of group %q: %w", r.group, err)
	}
	out := map[int32]int64{}
	var failure error
	got.Each(func(o kadm.OffsetResponse) {
		if o.Err != nil && failure == nil {
			failure = fmt.Errorf("reading the place of group %q: %w", r.group, o.Err)
		}
		if o.Offset.At >= 0 {
			out[o.Partition] = o.Offset.At
		}
	})
	return out, failure
}

func (r *replayer) dryRun(ctx context.Context) error {
	place, err := r.committed(ctx)
	if err != nil {
		return err
	}
	for p, at := range place {
		s := r.spans[p]
		s.start = max(s.start, at)
		r.spans[p] = s
	}
	return r.read(ctx, r.spans, func(l letter) (bool, error) {
		out, ok, err := r.record(ctx, l)
		if err != nil || !ok {
			return true, err
		}
		fmt.Fprintf(r.out, "%s -> topic %s partition %s, %d bytes\n", l.at(), out.Topic, partitionText(out.Partition), len(out.Key)+len(out.Value))
		r.n.sent++
		return r.replay.count == 0 || r.n.sent < r.replay.count, nil
	})
}

func partitionText(p int32) string {
	if p < 0 {
		return "by key"
	}
	return strconv.Itoa(int(p))
}

// run replays as a member of the group, so that two replays of one group share the work.
func (r *replayer) run(ctx context.Context) (err error) {
	prod, err := r.clients.Producer(nil)
	if err != nil {
		return &usageError{err}
	}
	if r.producer, err = kgo.NewClient(append(prod.Opts, kgo.UnknownTopicRetries(10))...); err != nil {
		return fmt.Errorf("making the producer: %w", err)
	}
	defer r.producer.Close()
	cons, err := r.clients.SinkConsumer(r.group, nil)
	if err != nil {
		return &usageError{err}
	}
	cl, err := kgo.NewClient(append(cons.Opts, kgo.ConsumerGroup(r.group), kgo.ConsumeTopics(r.topic), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		return fmt.Errorf("making the reader: %w", err)
	}
	defer cl.CloseAllowingRebalance()
	for !r.full {
		if done, err := r.done(ctx); done || err != nil {
			return err
		}
		if err := r.batch(ctx, cl); err != nil {
			return err
		}
	}
	return nil
}

// done tells whether all that was there at the beginning has been replayed, by this member or another.
func (r *replayer) done(ctx context.Context) (bool, error) {
	place, err := r.committed(ctx)
	if err != nil {
		return false, err
	}
	for p, s := range r.spans {
		if max(place[p], s.start) < s.end {
			return false, nil
		}
	}
	return true, nil
}

// batch polls once, writes, waits until everything is durable, and then keeps the place.
func (r *replayer) batch(ctx context.Context, cl *kgo.Client) error {
	poll, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	fetches := cl.PollRecords(poll, r.size())
	defer cl.AllowRebalance()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, e := range fetches.Errors() {
		if !errors.Is(e.Err, context.DeadlineExceeded) {
			return fmt.Errorf("reading topic %q, partition %d: %w", e.Topic, e.Partition, e.Err)
		}
	}
	var failure error
	var results kgo.FirstErrPromise
	place := map[int32]int64{}
	stopped := map[int32]bool{}
	fetches.EachRecord(func(rec *kgo.Record) {
		if failure != nil || r.full || stopped[rec.Partition] {
			return
		}
		if rec.Offset >= r.spans[rec.Partition].end { // came in meanwhile; perhaps a record that failed again
			stopped[rec.Partition] = true
			place[rec.Partition] = max(place[rec.Partition], r.spans[rec.Partition].end)
			return
		}
		if failure = r.one(ctx, rec, &results); failure == nil {
			place[rec.Partition] = rec.Offset + 1
		}
	})
	if err := r.producer.Flush(ctx); err != nil {
		return fmt.Errorf("writing records: %w", err)
	}
	if err := results.Err(); err != nil {
		// Which of the batch are durable is not known in order, so that all of it comes again.
		return fmt.Errorf("writing records; the place is not moved: %w", err)
	}
	if err := r.commit(ctx, cl, place); err != nil {
		return err
	}
	return failure
}

// size bounds a batch to what takes ten seconds: the group must not wait for a slow replay.
func (r *replayer) size() int {
	n := int64(replayBatch)
	if r.replay.rate > 0 {
		n = min(n, max(1, int64(r.replay.rate*10)))
	}
	if r.replay.count > 0 {
		n = min(n, r.replay.count-r.n.sent)
	}
	return int(n)
}

func (r *replayer) commit(ctx context.Context, cl *kgo.Client, place map[int32]int64) error {
	if len(place) == 0 {
		return nil
	}
	offsets := map[int32]kgo.EpochOffset{}
	for p, at := range place {
		offsets[p] = kgo.EpochOffset{Epoch: -1, Offset: at}
	}
	var failure error
	cl.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{r.topic: offsets}, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		failure = err
		if err != nil {
			return
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				failure = errors.Join(failure, kerr.ErrorForCode(p.ErrorCode))
			}
		}
	})
	if failure != nil {
		return fmt.Errorf("keeping the place in group %q; records of the last batch may come twice: %w", r.group, failure)
	}
	return nil
}

// one replays one record of the dead-letter topic.
func (r *replayer) one(ctx context.Context, rec *kgo.Record, results *kgo.FirstErrPromise) error {
	if rec.Attrs.IsControl() {
		return nil
	}
	l := letterOf(rec)
	if !r.filter.matches(l) {
		r.n.passed++
		return nil
	}
	out, ok, err := r.record(ctx, l)
	if err != nil || !ok {
		return err
	}
	if r.replay.rate > 0 {
		due := r.begin.Add(time.Duration(float64(r.n.sent) / r.replay.rate * float64(time.Second)))
		if !pipeline.Sleep(ctx, max(time.Until(due), 0)) {
			return ctx.Err()
		}
	}
	r.producer.Produce(ctx, out, results.Promise())
	r.n.sent++
	r.full = r.replay.count > 0 && r.n.sent >= r.replay.count
	return nil
}

// record makes the record to write; ok=false: there is none, and that is counted.
func (r *replayer) record(ctx context.Context, l letter) (out *kgo.Record, ok bool, err error) {
	out, ok, err = r.restore(ctx, l)
	switch {
	case err != nil && r.replay.skip && ctx.Err() == nil:
		r.n.bad++
		fmt.Fprintf(os.Stderr, "passed over: %s: %v\n", l.at(), err)
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("%s: %w (--skip-bad passes over it)", l.at(), err)
	case !ok:
		r.n.filtered++
	}
	return out, ok, nil
}

// restore is the record as it was: of a sink, as it was read; of a source, as Kafka refused it, or converted once more.
func (r *replayer) restore(ctx context.Context, l letter) (out *kgo.Record, ok bool, err error) {
	topicHeader, partitionHeader := pipeline.HeaderTopic, pipeline.HeaderPartition
	switch format := l.context[pipeline.HeaderRecordFormat]; format {
	case "":
	case pipeline.FormatWire:
		topicHeader, partitionHeader = pipeline.HeaderTargetTopic, pipeline.HeaderTargetPartition
	case pipeline.FormatConnectJSON:
		if r.repair == nil {
			return nil, false, errors.New("the record failed before it was bytes; name the repaired connector's config by --connector-config")
		}
		return r.repair.record(ctx, l)
	case pipeline.FormatOmitted:
		return nil, false, fmt.Errorf("the record is not in the dead letter; it was read from %s", l.from())
	default:
		return nil, false, fmt.Errorf("unknown record format %q", format)
	}
	topic, known := l.context[topicHeader]
	if !known || topic == "" {
		return nil, false, fmt.Errorf("it has no header %s%s; enable errors.deadletterqueue.context.headers.enable", pipeline.HeaderPrefix, topicHeader)
	}
	out = &kgo.Record{Topic: topic, Partition: connect.NoPartition, Key: l.Key, Value: l.Value, Headers: l.own, Timestamp: l.Timestamp}
	if text, ok := l.context[partitionHeader]; ok && !r.replay.byKey {
		p, err := strconv.ParseInt(text, 10, 32)
		if err != nil || p < 0 {
			return nil, false, fmt.Errorf("header %s%s is %q", pipeline.HeaderPrefix, partitionHeader, text)
		}
		out.Partition = int32(p)
	}
	return out, true, nil
}

// repair makes records of format connect-json with a connector's transforms and converters.
type repair struct {
	chain      *pipeline.Chain
	key, value connect.Converter
}

func (c *dlqCommand) newRepair(ctx context.Context) (*repair, error) {
	props, err := connectorFile(c.replay.connectorFile)
	if err != nil {
		return nil, &usageError{err}
	}
	if props, err = c.resolve(ctx, props); err != nil {
		return nil, &usageError{fmt.Errorf("resolving the connector config: %w", err)}
	}
	facts := connectorconfig.Worker{
		KeyConverter: c.converter("key"), ValueConverter: c.converter("value"), HeaderConverter: c.converter("header"),
	}
	plan, err := connectorconfig.NewPlan(c.reg, facts, props)
	if err != nil {
		return nil, &usageError{err}
	}
	if plan.Source == nil {
		return nil, &usageError{fmt.Errorf("%s is the config of a sink; dead letters of sinks are replayed as they are, without it", c.replay.connectorFile)}
	}
	chain, err := worker.NewChain(plan, pipeline.Config{ID: connect.TaskID{Connector: plan.Name}})
	if err != nil {
		return nil, err
	}
	r := &repair{chain: chain}
	if r.key, r.value, err = worker.LetterConverters(c.reg); err != nil {
		return nil, errors.Join(err, chain.Close())
	}
	return r, nil
}

func (c *dlqCommand) converter(kind string) connectorconfig.Converter {
	prefix := kind + ".converter"
	return connectorconfig.Converter{Class: c.worker[prefix], Version: c.worker[prefix+".plugin.version"], Props: c.worker.WithPrefix(prefix + ".")}
}

func (r *repair) close() {
	for _, err := range []error{r.chain.Close(), r.key.Close(), r.value.Close()} {
		if err != nil {
			fmt.Fprintln(os.Stderr, "connectd:", err)
		}
	}
}

// record reads the record as the connector gave it, and takes it through the chain; ok=false: a transform dropped it.
func (r *repair) record(ctx context.Context, l letter) (*kgo.Record, bool, error) {
	in := connect.Record{Topic: l.context[pipeline.HeaderTargetTopic], Partition: connect.NoPartition, Offset: connect.NoOffset,
		Timestamp: l.Timestamp.UnixMilli()}
	if text, ok := l.context[pipeline.HeaderTargetPartition]; ok {
		p, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return nil, false, fmt.Errorf("header %s%s is %q", pipeline.HeaderPrefix, pipeline.HeaderTargetPartition, text)
		}
		in.Partition = int32(p)
	}
	var err error
	if in.Key, err = r.key.Decode(ctx, in.Topic, nil, l.Key); err != nil {
		return nil, false, fmt.Errorf("reading the key: %w", err)
	}
	if in.Value, err = r.value.Decode(ctx, in.Topic, nil, l.Value); err != nil {
		return nil, false, fmt.Errorf("reading the value: %w", err)
	}
	for _, h := range l.own {
		v, err := r.value.Decode(ctx, in.Topic, nil, h.Value)
		if err != nil {
			return nil, false, fmt.Errorf("reading header %q: %w", h.Key, err)
		}
		in.Headers = append(in.Headers, connect.Header{Key: h.Key, Value: v})
	}
	outcome, err := r.chain.Transform(ctx, &in, pipeline.Failure{})
	if err != nil || outcome != pipeline.Kept {
		return nil, false, err
	}
	out := new(kgo.Record)
	// A buffer of its own: the record is read until it is durable.
	if _, err = r.chain.Encode(ctx, new(pipeline.Buffer), &in, out, pipeline.Failure{}); err != nil {
		return nil, false, err
	}
	return out, true, nil
}

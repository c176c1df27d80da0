package topiclog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const fetchKey = 1

// ReadToEnd returns once everything that the topic held at the call was handed to OnRecord. It may be called before Run has started
// and waits for it then. The error names the stage at which ctx ended; lost brokers are waited for.
func (l *Log) ReadToEnd(ctx context.Context) error {
	ends, err := l.ends(ctx)
	if err != nil {
		return fmt.Errorf("reading topic %q to its end: asking for the end: %w", l.cfg.Topic, err)
	}
	begin, tellAfter := time.Now(), slowAfter
	timer := time.NewTimer(probeAfter)
	defer timer.Stop()
	for {
		client, behind, changed, err := l.behind(ends)
		if err != nil {
			return fmt.Errorf("reading topic %q to its end: %w", l.cfg.Topic, err)
		}
		if len(behind) == 0 {
			return nil
		}
		if time.Since(begin) > tellAfter {
			tellAfter *= 4
			l.log.Warn("reading to the end takes long: the rest may stand behind a transaction that is open still, until its producer's "+
				"transaction.timeout.ms has passed, or the broker does not answer", "positions", behind, "ends", ends, "open_transactions", l.openTransactions(ctx, client, behind))
		}
		timer.Reset(probeAfter)
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("reading topic %q to its end: %w", l.cfg.Topic, context.Cause(ctx))
		case <-timer.C:
			if client != nil {
				for p, o := range behind {
					l.probe(ctx, client, p, o)
				}
			}
		}
	}
}

// behind tells which partitions are not read up to ends, with the offset each has come to.
func (l *Log) behind(ends map[int32]int64) (client *kgo.Client, behind map[int32]int64, changed <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, end := range ends {
		if o := l.next[p]; o < end {
			if behind == nil {
				behind = map[int32]int64{}
			}
			behind[p] = o
		}
	}
	return l.client, behind, l.changed, l.stopped
}

// ends asks for the end offsets until it gets them all or ctx is done. Partitions that are new get read from now on.
func (l *Log) ends(ctx context.Context) (map[int32]int64, error) {
	var last error
	for fails := 1; ; fails++ {
		client, err := l.awaitClient(ctx)
		if err != nil {
			return nil, errors.Join(err, last)
		}
		list := kadm.NewClient(client).ListEndOffsets
		if l.cfg.ReadCommitted && !l.cfg.AwaitOpen {
			list = kadm.NewClient(client).ListCommittedOffsets
		}
		res, err := list(ctx, l.cfg.Topic)
		if err == nil {
			err = res.Error()
		}
		if err == nil && len(res[l.cfg.Topic]) > 0 {
			ends := map[int32]int64{}
			for p, o := range res[l.cfg.Topic] {
				ends[p] = o.Offset
			}
			l.addPartitions(client, ends)
			return ends, nil
		}
		if err == nil {
			err = kerr.UnknownTopicOrPartition
		}
		last = err
		sleep(ctx, min(backoff(fails), time.Second))
		if ctx.Err() != nil {
			return nil, errors.Join(context.Cause(ctx), last)
		}
	}
}

// awaitClient waits for a session's client.
func (l *Log) awaitClient(ctx context.Context) (*kgo.Client, error) {
	for {
		l.mu.Lock()
		client, changed, stopped := l.client, l.changed, l.stopped
		l.mu.Unlock()
		if stopped != nil {
			return nil, stopped
		}
		if client != nil {
			return client, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (l *Log) addPartitions(client *kgo.Client, ends map[int32]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	added := map[int32]int64{}
	for p := range ends {
		if _, ok := l.next[p]; !ok {
			l.next[p], added[p] = 0, 0
		}
	}
	if len(added) > 0 && l.client == client {
		l.consume(client, added)
	}
}

// probe moves the position of a partition over offsets that hold nothing to hand out. kgo passes over them by itself, but does not
// tell: after compaction, after DeleteRecords, or behind aborted records, ReadToEnd would wait for a record that never comes.
func (l *Log) probe(ctx context.Context, client *kgo.Client, partition int32, from int64) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	next, err := l.fetchEmpty(ctx, client, partition, from)
	if errors.Is(err, kerr.OffsetOutOfRange) {
		next, err = l.startOffset(ctx, client, partition)
	}
	if err != nil || next <= from {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next[partition] == from {
		l.next[partition] = next
		l.broadcast()
	}
}

func (l *Log) startOffset(ctx context.Context, client *kgo.Client, partition int32) (int64, error) {
	res, err := kadm.NewClient(client).ListStartOffsets(ctx, l.cfg.Topic)
	if err != nil {
		return 0, err
	}
	o, ok := res.Lookup(l.cfg.Topic, partition)
	if !ok || o.Err != nil {
		return 0, errors.Join(kerr.UnknownTopicOrPartition, o.Err)
	}
	return o.Offset, nil
}

// fetchEmpty fetches once from an offset; it returns the offset behind what was fetched if no record is in it, else from.
func (l *Log) fetchEmpty(ctx context.Context, client *kgo.Client, partition int32, from int64) (int64, error) {
	leader, _, err := client.PartitionLeader(l.cfg.Topic, partition)
	if err != nil {
		return from, err
	}
	isolation := kgo.ReadUncommitted()
	req := kmsg.NewPtrFetchRequest()
	if l.cfg.ReadCommitted {
		isolation, req.IsolationLevel = kgo.ReadCommitted(), 1
	}
	req.MaxBytes, req.MinBytes, req.MaxWaitMillis = 1<<20, 1, 100
	t := kmsg.NewFetchRequestTopic()
	l.mu.Lock()
	t.Topic, t.TopicID = l.cfg.Topic, l.topicID
	l.mu.Unlock()
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, from, 1<<20
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	res, err := client.Broker(int(leader)).Request(ctx, req)
	if err != nil {
		return from, err
	}
	for _, rt := range res.(*kmsg.FetchResponse).Topics {
		for i := range rt.Partitions {
			rp := &rt.Partitions[i]
			if rp.Partition != partition {
				continue
			}
			fp, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
				Offset: from, IsolationLevel: isolation, Topic: l.cfg.Topic, Partition: partition,
			}, rp, kgo.DefaultDecompressor(), nil)
			if fp.Err != nil {
				return from, fp.Err
			}
			if len(fp.Records) > 0 {
				return from, nil
			}
			return next, nil
		}
	}
	return from, nil
}

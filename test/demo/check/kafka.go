package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// readTopic returns the payloads of a topic's records by partition, in order and in canonical form, up to the end that
// the topic has at the call. Tombstones are left out: the HDFS connector of the demo filters them. A topic that does
// not exist has no records.
func readTopic(ctx context.Context, broker, topic string) (map[int32][]string, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.KeepControlRecords())
	if err != nil {
		return nil, fmt.Errorf("configuring the Kafka client: %w", err)
	}
	defer client.Close()
	listed, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("listing the offsets of topic %s: %w", topic, err)
	}
	left := make(map[int32]int64) // partition → end
	starts := make(map[int32]kgo.Offset)
	listed.Each(func(o kadm.ListedOffset) {
		if o.Err == nil && o.Offset > 0 {
			left[o.Partition] = o.Offset
			starts[o.Partition] = kgo.NewOffset().AtStart()
		}
	})
	records := make(map[int32][]string)
	if len(left) == 0 {
		return records, nil
	}
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: starts})
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return nil, fmt.Errorf("reading topic %s: %w", topic, err)
		}
		for _, fetchError := range fetches.Errors() {
			return nil, fmt.Errorf("reading topic %s: %w", topic, fetchError.Err)
		}
		for _, r := range fetches.Records() {
			end, ok := left[r.Partition]
			if !ok {
				continue
			}
			if !r.Attrs.IsControl() && r.Value != nil {
				text, err := payload(r.Value)
				if err != nil {
					return nil, fmt.Errorf("reading topic %s, partition %d, offset %d: %w", topic, r.Partition, r.Offset, err)
				}
				records[r.Partition] = append(records[r.Partition], text)
			}
			if r.Offset+1 >= end {
				delete(left, r.Partition)
			}
		}
	}
	return records, nil
}

// payload takes a value of JsonConverter with schemas apart.
func payload(value []byte) (string, error) {
	var envelope struct{ Schema, Payload json.RawMessage }
	if err := json.Unmarshal(value, &envelope); err != nil {
		return "", fmt.Errorf("reading the value: %w", err)
	}
	if envelope.Schema == nil || envelope.Payload == nil {
		return "", errors.New("the value has no schema and payload")
	}
	return canonical(envelope.Payload)
}

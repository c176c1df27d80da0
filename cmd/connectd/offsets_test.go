package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/rest"
)

func TestSinkOffsetsAreReadAsKafkaConnectDoes(t *testing.T) {
	for _, c := range []struct{ partition, offset, want string }{
		{`{"kafka_topic":"t","kafka_partition":3}`, `{"kafka_offset":7}`, ""},
		{`{"kafka_topic":"t","kafka_partition":"3"}`, `{"kafka_offset":"7"}`, ""},
		{`null`, `{"kafka_offset":7}`, "cannot be null or missing"},
		{`{"kafka_topic":"t"}`, `{"kafka_offset":7}`, "must contain the keys 'kafka_topic' and 'kafka_partition'"},
		{`{"kafka_topic":null,"kafka_partition":3}`, `{"kafka_offset":7}`, "topic names must be valid strings"},
		{`{"kafka_topic":"t","kafka_partition":null}`, `{"kafka_offset":7}`, "partitions must be valid numbers"},
		{`{"kafka_topic":"t","kafka_partition":"x"}`, `{"kafka_offset":7}`, "'x'. Partition values"},
		{`{"kafka_topic":"t","kafka_partition":3}`, `{"other":7}`, "contain the key 'kafka_offset'"},
		{`{"kafka_topic":"t","kafka_partition":3}`, `{"kafka_offset":1.5}`, "'1.5'. Offset values"},
	} {
		to, err := sinkOffsets([]rest.OffsetEntry{{Partition: json.RawMessage(c.partition), Offset: json.RawMessage(c.offset)}})
		if c.want == "" {
			if at := to[connect.TopicPartition{Topic: "t", Partition: 3}]; err != nil || at == nil || *at != 7 {
				t.Errorf("%s %s: %v, %v", c.partition, c.offset, to, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: error %v; want %q", c.partition, c.offset, err, c.want)
		}
	}
	to, err := sinkOffsets([]rest.OffsetEntry{{Partition: json.RawMessage(`{"kafka_topic":"t","kafka_partition":3}`)}})
	if at, ok := to[connect.TopicPartition{Topic: "t", Partition: 3}]; err != nil || !ok || at != nil {
		t.Errorf("a null offset: %v, %v", to, err)
	}
}

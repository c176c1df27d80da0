package connect

import "strconv"

// ConnectorTask is the task number that stands for the connector instance itself.
const ConnectorTask int32 = -1

// NoPartition leaves the choice of the topic partition to the producer.
const NoPartition int32 = -1

// NoOffset is the offset of a record that has none (source side).
const NoOffset int64 = -1

// NoTimestamp is the timestamp of a record that has none.
const NoTimestamp int64 = -1

// TaskID names one task of a connector, or with Task == ConnectorTask the connector instance.
type TaskID struct {
	Connector string
	Task      int32
}

// String renders id as Kafka Connect logs it: "name-3", and the bare name for the connector instance.
func (id TaskID) String() string {
	if id.Task == ConnectorTask {
		return id.Connector
	}
	return id.Connector + "-" + strconv.Itoa(int(id.Task))
}

// TopicPartition names one partition of a topic.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String renders tp as Kafka does: "topic-3".
func (tp TopicPartition) String() string {
	return tp.Topic + "-" + strconv.Itoa(int(tp.Partition))
}

// TopicOffset is one record's place in Kafka.
type TopicOffset struct {
	TopicPartition
	Offset int64
}

// Offsets maps partitions to the offset of the next record to read (last processed + 1), as a consumer group stores it.
type Offsets map[TopicPartition]int64

// RecordMetadata tells where Kafka put a produced record.
type RecordMetadata struct {
	TopicOffset
	Timestamp int64 // Unix milliseconds
}

package pipeline

import (
	"errors"
	"fmt"

	"github.com/connectd/connectd/connect"
)

// Stage says what the runtime did with a record when it failed. (org.apache.kafka.connect.runtime.errors.Stage)
type Stage uint8

// The stages.
const (
	TaskPoll Stage = iota
	TaskPut
	Transformation
	KeyConverter
	ValueConverter
	HeaderConverter
	KafkaProduce
	KafkaConsume
)

var stageNames = [...]string{"TASK_POLL", "TASK_PUT", "TRANSFORMATION", "KEY_CONVERTER", "VALUE_CONVERTER", "HEADER_CONVERTER",
	"KAFKA_PRODUCE", "KAFKA_CONSUME"}

// String is the name in dead-letter headers and logs.
func (s Stage) String() string {
	if int(s) < len(stageNames) {
		return stageNames[s]
	}
	return "UNKNOWN"
}

// StageError is a failure that errors.tolerance does not let pass: it fails the task.
type StageError struct {
	Stage Stage
	Class string // of the plugin that failed, e.g. org.apache.kafka.connect.json.JsonConverter
	At    connect.TopicOffset
	Err   error
}

// Error names the stage, the plugin, and for records read from Kafka the topic, partition and offset.
func (e *StageError) Error() string {
	where := ""
	switch {
	case e.At.Topic != "" && e.At.Offset >= 0:
		where = fmt.Sprintf(" (topic %q, partition %d, offset %d)", e.At.Topic, e.At.Partition, e.At.Offset)
	case e.At.Topic != "":
		where = fmt.Sprintf(" (topic %q)", e.At.Topic)
	}
	return fmt.Sprintf("tolerance exceeded in error handler: record failed in stage %s of %s%s: %v", e.Stage, e.Class, where, e.Err)
}

// Unwrap is the plugin's error.
func (e *StageError) Unwrap() error { return e.Err }

// PanicError is a panic of a plugin.
type PanicError struct {
	Value any
	Stack []byte
}

// Error is the panic's text and stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.Value, e.Stack) }

// Unwrap is the value of the panic if it was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// ExceptionClass is the Java name a failure has in dead-letter headers. An error may bring its own by a method
// ExceptionClass() string.
func ExceptionClass(err error, s Stage) string {
	var own interface{ ExceptionClass() string }
	if errors.As(err, &own) {
		return own.ExceptionClass()
	}
	if _, ok := connect.RetryAfter(err); ok {
		return "org.apache.kafka.connect.errors.RetriableException"
	}
	switch s {
	case Transformation, KeyConverter, ValueConverter, HeaderConverter:
		return "org.apache.kafka.connect.errors.DataException"
	default:
		return "org.apache.kafka.connect.errors.ConnectException"
	}
}

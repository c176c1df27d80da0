package docs

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

// Keys are declared once; REST, validation and the manual are made of the declaration.
var (
	counterTopic = config.String("topic").Required().Valid(config.NonEmpty()).Importance(config.High).Doc("Topic to write to.")
	counterPause = config.Int("interval.ms", config.Range(1, 60_000)).Default(1000).Doc("Milliseconds between two numbers.")
	counterKeys  = config.NewDef(counterTopic, counterPause)
)

// A schema is built once and shared: its pointer is what converters and transforms cache by.
var (
	counterSchema = data.MakeStruct("example.Counter").
			Field("n", data.Int64Schema).
			Field("text", data.OptionalStringSchema).
			Build()
	fieldN    = counterSchema.Index("n") // names are resolved here, not per record
	fieldText = counterSchema.Index("text")
)

// CounterSource is the plugin: plain data with a constructor.
var CounterSource = connect.Plugin[connect.SourceConnector]{
	Name:    "org.example.CounterSourceConnector",
	Aliases: []string{"counter"},
	Version: "1.0.0",
	Summary: "Counts.",
	Config:  counterKeys,
	New:     func() connect.SourceConnector { return new(counterConnector) },
}

// counterConnector divides the work; it moves no data.
type counterConnector struct{ props config.Props }

var _ connect.SourceConnector = (*counterConnector)(nil)

func (c *counterConnector) Start(_ context.Context, cc connect.ConnectorContext) error {
	c.props = cc.Config.Originals()
	return nil
}

// TaskConfigs: there is one thing to count, so there is one task, however many are allowed.
func (c *counterConnector) TaskConfigs(context.Context, int) ([]config.Props, error) {
	return []config.Props{c.props}, nil
}

func (*counterConnector) Stop(context.Context) error { return nil }

func (*counterConnector) NewTask() connect.SourceTask { return new(counterTask) }

// counterTask counts on from the stored offset.
type counterTask struct {
	topic     string
	pause     time.Duration
	partition *connect.SourcePartition
	n         int64
}

// counterOffset is rendered only when it is stored, and never changes.
type counterOffset int64

func (o counterOffset) AppendJSON(dst []byte) []byte {
	return append(strconv.AppendInt(append(dst, `{"n":`...), int64(o), 10), '}')
}

func (t *counterTask) Start(ctx context.Context, tc connect.SourceTaskContext) error {
	t.topic, t.pause = counterTopic.Get(tc.Config), config.Millis(counterPause, tc.Config)
	t.partition = connect.NewSourcePartition(json.RawMessage(`{"counter":"main"}`))
	stored, err := tc.Offsets.Read(ctx, t.partition)
	if err != nil {
		return fmt.Errorf("reading the offset: %w", err)
	}
	if stored[0] == nil {
		return nil // never ran
	}
	var at struct{ N int64 }
	if err := json.Unmarshal(stored[0], &at); err != nil {
		return fmt.Errorf("reading the offset %s: %w", stored[0], err)
	}
	t.n = at.N
	return nil
}

// Poll returns within about a second; the context ends only when the task is to stop.
func (t *counterTask) Poll(ctx context.Context) ([]*connect.SourceRecord, error) {
	select {
	case <-ctx.Done():
		return nil, nil
	case <-time.After(min(t.pause, time.Second)):
	}
	t.n++
	row := data.NewStruct(counterSchema)
	row.Set(fieldN, data.Int64(t.n))
	row.Set(fieldText, data.String(strconv.FormatInt(t.n, 10)))
	return []*connect.SourceRecord{{
		Record: connect.Record{
			Topic: t.topic, Partition: connect.NoPartition, Offset: connect.NoOffset, Timestamp: time.Now().UnixMilli(),
			Key:   data.Datum{Schema: data.Int64Schema, Value: data.Int64(t.n)},
			Value: data.Datum{Schema: counterSchema, Value: data.Of(row)},
		},
		// "All up to and including this record is done." Stored once Kafka has acknowledged it and everything before it.
		Position: connect.Position{Partition: t.partition, Offset: counterOffset(t.n)},
	}}, nil
}

func (*counterTask) Stop(context.Context) error { return nil }

package transforms

import (
	"context"
	"errors"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

var (
	timestampRouterTopic = config.String("topic.format").Default("${topic}-${timestamp}").Importance(config.High).
				Doc("Format string which can contain <code>${topic}</code> and <code>${timestamp}</code> as placeholders for the topic and timestamp, respectively.")
	timestampRouterFormat = config.String("timestamp.format").Default("yyyyMMdd").Importance(config.High).
				Doc("Format string for the timestamp that is compatible with <code>java.text.SimpleDateFormat</code>.")
	timestampRouterDef = config.NewDef(timestampRouterTopic, timestampRouterFormat)
)

// timestampRouter is org.apache.kafka.connect.transforms.TimestampRouter.
type timestampRouter struct {
	noClose
	topic  string
	format *dateFormat
	bad    error // what is wrong with the format; Java notices at the first record

	text               []byte // of the last record's timestamp
	stamp, from, route string // the last result and what it was made of
}

// Configure compiles the format.
func (t *timestampRouter) Configure(v config.Values) error {
	t.topic = timestampRouterTopic.Get(v)
	t.format, t.bad = newDateFormat(timestampRouterFormat.Get(v))
	return nil
}

// Apply renames the topic.
func (t *timestampRouter) Apply(_ context.Context, r *connect.Record) (bool, error) {
	if r.Timestamp == connect.NoTimestamp {
		return false, errors.New("Timestamp missing on record: topic " + r.Topic)
	}
	if t.bad != nil {
		return false, t.bad
	}
	t.text = t.format.append(t.text[:0], r.Timestamp)
	if string(t.text) != t.stamp || r.Topic != t.from || t.route == "" {
		t.stamp, t.from = string(t.text), strings.Clone(r.Topic) // the record's own may lie in memory that is used again
		t.route = strings.ReplaceAll(strings.ReplaceAll(t.topic, "${topic}", r.Topic), "${timestamp}", t.stamp)
	}
	r.Topic = t.route
	return true, nil
}

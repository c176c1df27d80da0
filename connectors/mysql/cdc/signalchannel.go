package cdc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// pollSignals brings the signals of the channels file and kafka into the inbox, every signal.poll.interval.ms, until ctx ends.
func (r *reader) pollSignals(ctx context.Context) {
	set := &r.set.signals
	var topic connect.TopicLog
	defer func() {
		if topic != nil {
			_ = topic.Close()
		}
	}()
	for {
		if set.file != "" {
			if err := r.readSignalFile(set.file); err != nil {
				r.log.Warn("reading the signal file failed and will be tried again", "file", set.file, "error", err)
			}
		}
		if set.kafka {
			var err error
			if topic == nil {
				topic, err = r.logs.Open(ctx, connect.LogSpec{Topic: set.topic, Client: set.client, Create: config.Props{"partitions": "1"}})
			}
			if err == nil {
				err = r.readSignalTopic(ctx, topic)
			}
			if err != nil && ctx.Err() == nil {
				r.log.Warn("reading the signal topic failed and will be tried again", "topic", set.topic, "error", err)
			}
		}
		if sleep(ctx, max(set.poll, minSignalPoll)) != nil {
			return
		}
	}
}

// readSignalFile takes the lines of the file, each a JSON object, and empties it (FileSignalChannel).
func (r *reader) readSignalFile(name string) error {
	b, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(b) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Truncate(name, 0); err != nil {
		return fmt.Errorf("emptying it, so that no signal is carried out twice: %w", err)
	}
	for line := range bytes.Lines(b) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		sig, err := parseSignal(line)
		if err != nil {
			r.log.Warn("passing over a line of the signal file", "file", name, "error", err)
			continue
		}
		r.inbox.put(sig)
	}
	return nil
}

// readSignalTopic takes what is new in the topic. Its key must be topic.prefix (KafkaSignalChannel).
func (r *reader) readSignalTopic(ctx context.Context, topic connect.TopicLog) error {
	c, ok := topic.(connect.TopicConsumer)
	if !ok {
		return errors.New("the worker cannot read topics by consumer groups")
	}
	return c.Consume(ctx, r.set.signals.group, func(key, value []byte) error {
		if string(key) != r.set.prefix {
			r.log.Info("passing over a signal of another connector", "key", string(key))
			return nil
		}
		if len(value) == 0 {
			return nil
		}
		sig, err := parseSignal(value)
		if err != nil {
			r.log.Warn("passing over a record of the signal topic", "topic", r.set.signals.topic, "error", err)
			return nil
		}
		r.inbox.put(sig)
		return nil
	})
}

// parseSignal reads {"id":…,"type":…,"data":{…}}; data may be the object's text too. Without an id it gets one.
func parseSignal(b []byte) (signalRecord, error) {
	var d struct {
		ID   any
		Type string
		Data json.RawMessage
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return signalRecord{}, err
	}
	if d.Type == "" {
		return signalRecord{}, errors.New("type is missing")
	}
	sig := signalRecord{Type: d.Type, Data: d.Data}
	if d.ID == nil {
		sig.ID = newUUID()
	} else {
		sig.ID = fmt.Sprint(d.ID)
	}
	var inner string
	if json.Unmarshal(d.Data, &inner) == nil {
		sig.Data = json.RawMessage(inner)
	}
	if strings.TrimSpace(string(sig.Data)) == "null" {
		sig.Data = nil
	}
	return sig, nil
}

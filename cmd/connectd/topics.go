package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/connectorconfig"
	"github.com/connectd/connectd/runtime/kafka"
	"github.com/connectd/connectd/runtime/sourcetask"
)

// topicMaker creates the topics of sources and dead letters, as the connector's own admin client where it overrides the worker's.
type topicMaker struct{ p *process }

// ForSource: with topic.creation rules the topic is created by them (KIP-158); without, or with topic.creation.enable=false, it is left
// to the broker's auto.create.topics.enable.
func (m *topicMaker) ForSource(admin config.Props, rules []connectorconfig.TopicRule) sourcetask.TopicCreator {
	return topicCreator{m.p, admin, rules}
}

func (m *topicMaker) DeadLetter(ctx context.Context, admin config.Props, topic string, replication int16) error {
	return m.p.withAdmin(admin, func(cl *kgo.Client) error {
		_, err := kafka.EnsureTopic(ctx, kadm.NewClient(cl), kafka.Topic{Name: topic, Partitions: 1, ReplicationFactor: replication})
		return err
	})
}

// withAdmin calls f with a client of the worker, or one with the connector's admin.override. keys.
func (p *process) withAdmin(overrides config.Props, f func(*kgo.Client) error) error {
	if len(overrides) == 0 {
		return f(p.adminClient)
	}
	cl, err := p.clients.AdminClient(overrides)
	if err != nil {
		return err
	}
	defer cl.Close()
	return f(cl)
}

type topicCreator struct {
	p     *process
	admin config.Props
	rules []connectorconfig.TopicRule
}

// EnsureTopic creates the topic by the first rule that it matches. (AbstractWorkerSourceTask.maybeCreateTopic)
func (c topicCreator) EnsureTopic(ctx context.Context, topic string) error {
	t := kafka.Topic{Name: topic}
	ruled := false
	for _, r := range c.rules {
		ok, err := r.Matches(topic)
		if err != nil {
			return err
		}
		if ok {
			t.Partitions, t.ReplicationFactor, t.Settings = r.Partitions, r.ReplicationFactor, r.Configs
			ruled = true
			break
		}
	}
	created, refused := false, ""
	err := c.p.withAdmin(c.admin, func(cl *kgo.Client) (err error) {
		if !ruled {
			err = kafka.UntilThere(ctx, func() error { return kafka.AwaitsCreation(ctx, cl, topic) })
			if errors.Is(err, kafka.ErrNoTopic) {
				refused = kafka.WhyMissing(ctx, kadm.NewClient(cl), topic)
			}
			return err
		}
		created, err = kafka.EnsureTopic(ctx, kadm.NewClient(cl), t)
		return err
	})
	switch {
	case created:
		c.p.log.Info("created a topic", "topic", topic)
	case refused != "":
		return connect.Retriable(fmt.Errorf("%w, and the cluster refuses to create it (%s): remove what is in its way, or send the records "+
			"elsewhere, for example with a RegexRouter transformation", err, refused), 200*time.Millisecond)
	case errors.Is(err, kafka.ErrNoTopic):
		// As long as it takes, like Java's producer: somebody may create the topic, or the broker is about to.
		return connect.Retriable(fmt.Errorf("%w: create it, set topic.creation.default.partitions and topic.creation.default.replication.factor "+
			"in the connector config, or auto.create.topics.enable on the broker", err), 200*time.Millisecond)
	case kafka.Passing(err):
		return connect.Retriable(err, time.Second)
	}
	return err
}

// MaxMessageBytes implements sourcetask.TopicLimits.
func (c topicCreator) MaxMessageBytes(ctx context.Context, topic string) (n int32, err error) {
	err = c.p.withAdmin(c.admin, func(cl *kgo.Client) (err error) {
		n, err = kafka.MaxMessageBytes(ctx, kadm.NewClient(cl), topic)
		return err
	})
	return n, err
}

var _ sourcetask.TopicLimits = topicCreator{}

package kafka

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

// AwaitsCreation asks for a topic as a producer does, which makes a broker with auto.create.topics.enable create it; the topic may exist
// only at a later call. ErrNoTopic: it does not, yet or ever. A user who may not see the topic learns that from the producer, so that
// is no error here.
func AwaitsCreation(ctx context.Context, cl *kgo.Client, topic string) error {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = true
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(topic)
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("describing topic %q: %w", topic, err)
	}
	if len(resp.Topics) != 1 {
		return fmt.Errorf("describing topic %q: the broker answered about %d topics", topic, len(resp.Topics))
	}
	err = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
	switch {
	case err == nil, errors.Is(err, kerr.TopicAuthorizationFailed):
		return nil
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.LeaderNotAvailable):
		return fmt.Errorf("topic %q: %w", topic, ErrNoTopic)
	}
	return fmt.Errorf("describing topic %q: %w", topic, err)
}

// UntilThere calls f, which asks for a topic that a broker is about to create, until its error is no more ErrNoTopic: for about 2 s, at
// first every few milliseconds, since a worker's start and each small table of a snapshot wait here.
func UntilThere(ctx context.Context, f func() error) error {
	for attempt := 0; ; attempt++ {
		err := f()
		if !errors.Is(err, ErrNoTopic) || attempt == 25 {
			return err
		}
		select {
		case <-time.After(min(2*time.Millisecond<<attempt, 100*time.Millisecond)):
		case <-ctx.Done():
			return err
		}
	}
}

// WhyMissing asks the cluster whether it would create a topic that does not exist, with the broker's own settings, and returns its reason
// if not: "" if it would, or does not say.
func WhyMissing(ctx context.Context, adm *kadm.Client, topic string) string {
	res, err := adm.ValidateCreateTopics(ctx, -1, -1, nil, topic)
	if err != nil {
		return ""
	}
	r := res[topic]
	if !errors.Is(r.Err, kerr.InvalidTopicException) && !errors.Is(r.Err, kerr.PolicyViolation) {
		return ""
	}
	if r.ErrMessage != "" {
		return r.ErrMessage
	}
	return r.Err.Error()
}

// Passing tells whether err of a request to Kafka may go away by itself: broker away, not ready, or a time-out. Errors of
// authorization or of the request's own making do not.
func Passing(err error) bool {
	var ke *kerr.Error
	if errors.As(err, &ke) {
		return ke.Retriable
	}
	return err != nil && !errors.Is(err, ErrNoTopic)
}

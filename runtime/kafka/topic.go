package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/config"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Topic is a topic as it should be.
type Topic struct {
	Name string
	// Partitions and ReplicationFactor are the broker's defaults if -1.
	Partitions        int32
	ReplicationFactor int16
	// Settings are topic settings, e.g. cleanup.policy.
	Settings config.Props
}

// TopicInfo is what the cluster says of a topic.
type TopicInfo struct {
	Partitions int
	// Settings are the topic's settings with the broker's defaults; nil if the user may not describe them.
	Settings config.Props
}

// ErrNoTopic says that a topic does not exist.
var ErrNoTopic = errors.New("topic does not exist")

// EnsureTopic creates t unless a topic of that name exists, whatever its settings; created tells which. A user who may not create
// topics is no error as long as the topic exists. (org.apache.kafka.connect.util.TopicAdmin)
func EnsureTopic(ctx context.Context, adm *kadm.Client, t Topic) (created bool, err error) {
	// Look first: a cluster that refuses creation by policy or authorization must not matter once the topic is there.
	if _, err := partitions(ctx, adm, t.Name); err == nil {
		return false, nil
	} else if !errors.Is(err, ErrNoTopic) {
		return false, err
	}
	settings := make(map[string]*string, len(t.Settings))
	for _, k := range slices.Sorted(maps.Keys(t.Settings)) {
		settings[k] = kadm.StringPtr(t.Settings[k])
	}
	res, err := adm.CreateTopics(ctx, t.Partitions, t.ReplicationFactor, settings, t.Name)
	if err != nil {
		return false, fmt.Errorf("creating topic %q: %w", t.Name, err)
	}
	r := res[t.Name]
	switch {
	case r.Err == nil:
		return true, nil
	case errors.Is(r.Err, kerr.TopicAlreadyExists):
		return false, nil
	case errors.Is(r.Err, kerr.TopicAuthorizationFailed), errors.Is(r.Err, kerr.ClusterAuthorizationFailed):
		return false, fmt.Errorf("creating topic %q: the user may not create it; create it by hand (%s) or grant CREATE: %w", t.Name, t.describe(), r.Err)
	case errors.Is(r.Err, kerr.InvalidReplicationFactor):
		return false, fmt.Errorf("creating topic %q: the cluster has fewer brokers than replication factor %d; set a smaller one: %w", t.Name, t.ReplicationFactor, r.Err)
	case r.ErrMessage != "":
		return false, fmt.Errorf("creating topic %q (%s): %s: %w", t.Name, t.describe(), r.ErrMessage, r.Err)
	}
	return false, fmt.Errorf("creating topic %q (%s): %w", t.Name, t.describe(), r.Err)
}

func (t Topic) describe() string {
	s := fmt.Sprintf("partitions %d, replication factor %d", t.Partitions, t.ReplicationFactor)
	for _, k := range slices.Sorted(maps.Keys(t.Settings)) {
		s += ", " + k + "=" + t.Settings[k]
	}
	return s
}

// DescribeTopic asks for a topic's partitions and settings. A missing topic is ErrNoTopic.
func DescribeTopic(ctx context.Context, adm *kadm.Client, name string) (TopicInfo, error) {
	n, err := partitions(ctx, adm, name)
	if err != nil {
		return TopicInfo{}, err
	}
	info := TopicInfo{Partitions: n}
	res, err := adm.DescribeTopicConfigs(ctx, name)
	if err != nil {
		return info, fmt.Errorf("describing topic %q: %w", name, err)
	}
	r, err := res.On(name, nil)
	switch {
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed), errors.Is(err, kerr.UnsupportedVersion):
		return info, nil
	case err != nil:
		return info, fmt.Errorf("describing topic %q: %w", name, err)
	case r.Err != nil && (errors.Is(r.Err, kerr.TopicAuthorizationFailed) || errors.Is(r.Err, kerr.ClusterAuthorizationFailed)):
		return info, nil
	case r.Err != nil:
		return info, fmt.Errorf("describing topic %q: %w", name, r.Err)
	}
	info.Settings = config.Props{}
	for _, c := range r.Configs {
		info.Settings[c.Key] = c.MaybeValue()
	}
	return info, nil
}

// MaxMessageBytes is the largest batch that a topic takes (max.message.bytes); 0 if the user may not describe it.
func MaxMessageBytes(ctx context.Context, adm *kadm.Client, topic string) (int32, error) {
	info, err := DescribeTopic(ctx, adm, topic)
	if err != nil {
		return 0, err
	}
	n, _ := strconv.ParseInt(info.Settings["max.message.bytes"], 10, 32) // 0 if it is not among them
	return int32(n), nil
}

// CheckCompacted fails unless cleanup.policy of the topic is compact and nothing else: with delete, a cluster forgets its connectors
// and offsets after the retention time. key is the worker's key that names the topic, servers the bootstrap.servers for the
// command that mends it. Settings the user may not read pass.
// (org.apache.kafka.connect.util.TopicAdmin.verifyTopicCleanupPolicyOnlyCompact)
func CheckCompacted(info TopicInfo, name, key, servers string) error {
	policy, known := info.Settings["cleanup.policy"]
	if info.Settings == nil || !known {
		return nil
	}
	words := splitList(policy)
	if len(words) == 1 && words[0] == "compact" {
		return nil
	}
	return fmt.Errorf("topic %q (%s) has cleanup.policy=%s, but only compact keeps its records; run: "+
		"kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config cleanup.policy=compact",
		name, key, strings.Join(words, ","), servers, name)
}

// partitions counts the partitions of a topic.
func partitions(ctx context.Context, adm *kadm.Client, name string) (int, error) {
	res, err := adm.ListTopicsWithInternal(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("describing topic %q: %w", name, err)
	}
	t, ok := res[name]
	switch {
	case !ok, errors.Is(t.Err, kerr.UnknownTopicOrPartition):
		return 0, fmt.Errorf("topic %q: %w", name, ErrNoTopic)
	case t.Err != nil:
		return 0, fmt.Errorf("describing topic %q: %w", name, t.Err)
	}
	return len(t.Partitions), nil
}

package store

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/kafka"
)

// Topics are the internal topics of a distributed worker, as its config describes them.
type Topics struct {
	Config, Offsets, Status kafka.Topic
	// Warnings name keys that have no effect.
	Warnings []string
}

// ParseTopics reads config.storage.*, offset.storage.* and status.storage.*: topic, replication.factor (3, -1 = the broker's),
// partitions (offsets 25, status 5, -1 = the broker's; the config topic has 1), and any other topic setting for creation.
// cleanup.policy is always compact.
func ParseTopics(worker config.Props) (Topics, error) {
	var t Topics
	var errs []error
	parse := func(kind string, partitions int32) kafka.Topic {
		topic, warnings, err := parseTopic(worker, kind+".storage.", partitions)
		t.Warnings = append(t.Warnings, warnings...)
		if err != nil {
			errs = append(errs, err)
		}
		return topic
	}
	t.Config, t.Offsets, t.Status = parse("config", 1), parse("offset", 25), parse("status", 5)
	return t, errors.Join(errs...)
}

func parseTopic(worker config.Props, prefix string, partitions int32) (t kafka.Topic, warnings []string, err error) {
	t = kafka.Topic{Partitions: partitions, ReplicationFactor: 3, Settings: config.Props{}}
	fixed := prefix == "config.storage."
	var errs []error
	number := func(k, v string, limit int64) int64 {
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		if err != nil || n != -1 && (n < 1 || n > limit) {
			errs = append(errs, fmt.Errorf("%s%s: invalid value %q: must be at least 1 and at most %d, or -1 for the broker's default", prefix, k, v, limit))
		}
		return n
	}
	props := worker.WithPrefix(prefix)
	for _, k := range slices.Sorted(maps.Keys(props)) {
		v := props[k]
		switch {
		case k == "topic":
			t.Name = strings.TrimSpace(v)
		case k == "replication.factor":
			t.ReplicationFactor = int16(number(k, v, math.MaxInt16))
		case k == "partitions" && !fixed:
			t.Partitions = int32(number(k, v, math.MaxInt32))
		case k == "partitions":
			warnings = append(warnings, prefix+k+": has no effect, the topic always has one partition")
		case k == "cleanup.policy":
			warnings = append(warnings, prefix+k+": has no effect, the topic is always compacted")
		case strings.HasPrefix(k, "file."): // of standalone workers
		default:
			t.Settings[k] = v
		}
	}
	if t.Name == "" {
		errs = append(errs, fmt.Errorf("%stopic: missing; name the topic", prefix))
	}
	return t, warnings, errors.Join(errs...)
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

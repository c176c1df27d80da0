package cdc

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/connectd/connectd/connect/config"
)

// minSignalPoll is the least pause between two looks into the signal channels.
const minSignalPoll = 100 * time.Millisecond

// snapshotProblems are those of the keys of snapshots, signals and notifications.
func snapshotProblems(v config.Values) []config.Problem {
	var out []config.Problem
	bad := func(key config.AnyKey, format string, args ...any) {
		out = append(out, config.Problem{Key: key.Name(), Message: fmt.Sprintf("The '%s' value is invalid: ", key.Name()) + fmt.Sprintf(format, args...)})
	}
	if _, err := snapshotModeOf(v); err != nil {
		bad(keySnapshotMode, "%v", err)
	}
	if strings.EqualFold(keySnapshotLockingMode.Get(v), "custom") {
		bad(keySnapshotLockingMode, "custom locks are Java code; use minimal, minimal_percona, extended or none")
	}
	if strings.EqualFold(keySnapshotQueryMode.Get(v), "custom") {
		bad(keySnapshotQueryMode, "custom queries are Java code; use select_all, with snapshot.select.statement.overrides for tables that need their own")
	}
	if keySnapshotMaxThreads.Get(v) < 1 {
		bad(keySnapshotMaxThreads, "A positive, non-zero integer value is required")
	}
	if keyIncrementalSnapshotChunkSize.Get(v) < 1 {
		bad(keyIncrementalSnapshotChunkSize, "A positive, non-zero integer value is required")
	}
	for _, t := range keySignalDataCollection.Get(v) {
		if t = strings.TrimSpace(t); t != "" && strings.Count(t, ".") != 1 {
			bad(keySignalDataCollection, "%s has not the form database.table", t)
		}
	}
	for _, c := range keySignalEnabledChannels.Get(v) {
		if !slices.Contains([]string{"", "source", "kafka", "file", "jmx", "in-process"}, c) {
			bad(keySignalEnabledChannels, "channel %s is none of source, kafka, file; jmx and in-process have no meaning here", c)
		}
	}
	if slices.Contains(keySignalEnabledChannels.Get(v), "kafka") && keySignalKafkaBootstrapServers.Get(v) == "" &&
		v.Originals()["signal.consumer.bootstrap.servers"] == "" {
		bad(keySignalKafkaBootstrapServers, "A value is required")
	}
	for _, c := range keyNotificationEnabledChannels.Get(v) {
		if !slices.Contains([]string{"", "sink", "log", "jmx"}, c) {
			bad(keyNotificationEnabledChannels, "channel %s is none of sink and log; jmx has no meaning here", c)
		}
	}
	if slices.Contains(keyNotificationEnabledChannels.Get(v), "sink") && keyNotificationSinkTopicName.Get(v) == "" {
		bad(keyNotificationSinkTopicName, "Notification topic name must be provided when kafka notification channel is enabled")
	}
	return out
}

package cdc

import (
	"slices"
	"strings"
	"time"

	"github.com/connectd/connectd/connect/config"
)

// signalSettings are the keys of signals and of the incremental snapshots they ask for.
type signalSettings struct {
	tables     []string // signal.data.collection
	source     bool
	kafka      bool
	file       string // empty: off
	poll       time.Duration
	topic      string
	group      string
	client     config.Props
	chunk      int
	readOnly   bool
	useTable   bool // watermarks by the signal table were asked for
	deleteOpen bool // insert_delete
	retries    int
	backoff    time.Duration
}

func signalSettingsOf(v config.Values) signalSettings {
	s := signalSettings{
		poll: config.Millis(keySignalPollIntervalMs, v), group: keySignalKafkaGroupID.Get(v), topic: keySignalKafkaTopic.Get(v),
		chunk: max(int(keyIncrementalSnapshotChunkSize.Get(v)), 1), readOnly: keyReadOnly.Get(v),
		useTable:   keyIncrementalSnapshotWatermarkingStrategy.IsSet(v),
		deleteOpen: strings.EqualFold(keyIncrementalSnapshotWatermarkingStrategy.Get(v), "insert_delete"),
		retries:    int(keySignalEmitFailureMaxRetries.Get(v)), backoff: config.Millis(keySignalEmitFailureBackoffMs, v),
	}
	for _, t := range keySignalDataCollection.Get(v) {
		if t = strings.TrimSpace(t); t != "" {
			s.tables = append(s.tables, t)
		}
	}
	channels := keySignalEnabledChannels.Get(v)
	s.source = slices.Contains(channels, "source") && len(s.tables) > 0
	s.kafka = slices.Contains(channels, "kafka")
	if slices.Contains(channels, "file") {
		s.file = keySignalFile.Get(v)
	}
	if s.topic == "" {
		s.topic = keyTopicPrefix.Get(v) + "-signal"
	}
	if s.kafka {
		s.client = config.Props{}
		for k, val := range v.WithPrefix("signal.consumer.") {
			switch k {
			case "key.deserializer", "value.deserializer", "group.id", "enable.auto.commit":
			default:
				s.client[k] = val
			}
		}
		if b := keySignalKafkaBootstrapServers.Get(v); b != "" {
			s.client["bootstrap.servers"] = b
		}
	}
	return s
}

package cdc

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/internal/javamap"
)

// Types of notifications (SnapshotStatus), and of the end of a table (TableScanCompletionStatus).
const (
	statusStarted    = "STARTED"
	statusPaused     = "PAUSED"
	statusResumed    = "RESUMED"
	statusAborted    = "ABORTED"
	statusInProgress = "IN_PROGRESS"
	statusTableDone  = "TABLE_SCAN_COMPLETED"
	statusCompleted  = "COMPLETED"
	statusSkipped    = "SKIPPED"

	scanSucceeded = "SUCCEEDED"
	scanEmpty     = "EMPTY"
	scanNoKey     = "NO_PRIMARY_KEY"
	scanUnknown   = "UNKNOWN_SCHEMA"
	scanFailed    = "SQL_EXCEPTION"

	aggregateInitial     = "Initial Snapshot"
	aggregateIncremental = "Incremental Snapshot"
)

// Keys of additional_data.
const (
	noteConnector = "connector_name"
	noteTables    = "data_collections"
	noteCurrent   = "current_collection_in_progress"
	noteScanned   = "scanned_collection"
	noteRows      = "total_rows_scanned"
	noteStatus    = "status"
	noteMax       = "maximum_key"
	noteLast      = "last_processed_key"
)

var (
	notificationKey = data.MakeStruct("io.debezium.connector.common.NotificationKey").Version(1).
			Field("id", data.StringSchema).Build()
	notificationValue = data.MakeStruct("io.debezium.connector.common.Notification").Version(1).
				Field("id", data.StringSchema).
				Field("type", data.StringSchema).
				Field("aggregate_type", data.StringSchema).
				Field("additional_data", data.Make(data.KindMap).Key(data.StringSchema).Elem(data.StringSchema).Optional().Build()).
				Field("timestamp", data.Int64Schema).
				Build()
)

// notifier tells of snapshots, through the channels of notification.enabled.channels. Its records go into the queue like all others, so
// it is called by whoever writes there.
type notifier struct {
	q     *queue
	w     *writer
	log   *slog.Logger
	topic string // of the channel sink; empty: off
	logs  bool   // the channel log
}

// note is one entry of additional_data.
type note struct{ key, value string }

func (n *notifier) off() bool { return n.topic == "" && !n.logs }

// initial tells of the snapshot at the start.
func (n *notifier) initial(ctx context.Context, at *offset, status string, notes []note) error {
	if n.off() {
		return nil
	}
	return n.send(ctx, at, aggregateInitial, newUUID(), status, notes)
}

// snapshotNames are all tables of a snapshot, as notifications list them.
type snapshotNames struct {
	begun string // with a table that is begun: in the order of a HashSet
	done  string // with one that is done: in the order they are read
}

func snapshotNamesOf(ids []history.TableID) snapshotNames {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.String()
	}
	done := strings.Join(names, ",")
	return snapshotNames{begun: strings.Join(javamap.Order(names, javamap.Default(len(names))), ","), done: done}
}

// table are the notes of a table that is begun.
func (n *notifier) table(id history.TableID, all snapshotNames) []note {
	if n.off() {
		return nil
	}
	return []note{{noteCurrent, id.String()}, {noteTables, all.begun}}
}

func (n *notifier) tableDone(id history.TableID, rows int64, all snapshotNames) []note {
	if n.off() {
		return nil
	}
	return []note{{noteScanned, id.String()}, {noteTables, all.done}, {noteRows, strconv.FormatInt(rows, 10)}, {noteStatus, scanSucceeded}}
}

func (n *notifier) send(ctx context.Context, at connect.SourceOffset, aggregate, id, status string, notes []note) error {
	notes = append(notes, note{noteConnector, n.w.set.prefix})
	slices.SortFunc(notes, func(a, b note) int { return strings.Compare(a.key, b.key) })
	now := n.w.now().UnixMilli()
	if n.logs {
		n.log.Info("notification", "id", id, "aggregate_type", aggregate, "type", status, "additional_data", fmt.Sprint(notes), "timestamp", now)
	}
	if n.topic == "" {
		return nil
	}
	key, value := data.NewStruct(notificationKey), data.NewStruct(notificationValue)
	key.Set(0, data.String(id))
	entries := make([]data.Entry, len(notes))
	for i, x := range notes {
		entries[i] = data.Entry{Key: data.String(x.key), Value: data.String(x.value)}
	}
	for i, v := range []data.Value{data.String(id), data.String(status), data.String(aggregate), data.Map(entries), data.Int64(now)} {
		value.Set(i, v)
	}
	return n.q.send(ctx, connect.SourceRecord{
		Record: connect.Record{
			Topic: n.topic, Partition: connect.NoPartition, Offset: connect.NoOffset, Timestamp: connect.NoTimestamp,
			Key: data.Datum{Schema: notificationKey, Value: data.Of(key)}, Value: data.Datum{Schema: notificationValue, Value: data.Of(value)},
		},
		Position: connect.Position{Partition: n.w.partition, Offset: at},
	}, recordOverhead)
}

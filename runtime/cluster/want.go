package cluster

import (
	"maps"
	"reflect"
	"strconv"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// Want is what one connector or task should be on this worker. It is compared with what is: another Connector or Task config, or a
// higher Epoch, means stop and start again; another Target is a transition.
type Want struct {
	Connector  config.Props // unresolved: the worker resolves secrets at start
	Task       config.Props // nil for the connector instance
	Target     TargetState
	Epoch      int64
	Tasks      int   // number of tasks of the connector
	Generation int32 // of the group, for status records
	// FenceFirst: a source task of an exactly-once worker, which asks for a round of fencing before it starts (KIP-618).
	FenceFirst bool
	// TaskGeneration is the snapshot's ConnectorSnapshot.Generation if FenceFirst is set, else 0.
	TaskGeneration int64
}

// SameRun tells whether w can go on as o without a restart. The round of fencing that a new set of task configs brings cuts off the
// producers of all tasks, also of those whose own config has not changed: so these start anew as well.
func (w Want) SameRun(o Want) bool {
	return w.Epoch == o.Epoch && w.FenceFirst == o.FenceFirst && w.TaskGeneration == o.TaskGeneration &&
		sameProps(w.Connector, o.Connector) && sameProps(w.Task, o.Task)
}

// Same tells whether w is what o is, but for the generation.
func (w Want) Same(o Want) bool { return w.SameRun(o) && w.Target == o.Target && w.Tasks == o.Tasks }

// sameProps compares configs, which snapshots share: each change of a cluster's config has all of a worker's tasks compared, nearly all of
// them with the very maps of before.
func sameProps(a, b config.Props) bool {
	return reflect.ValueOf(a).UnsafePointer() == reflect.ValueOf(b).UnsafePointer() || maps.Equal(a, b)
}

// Report is what the worker tells of one connector or task, or of a wanted set as a whole.
type Report struct {
	ID    connect.TaskID
	Epoch int64 // the Want.Epoch of the instance
	Seen  State // empty for the other kinds of report
	Err   error // for Failed

	// Reconfigure: a running connector asks for its TaskConfigs again (ID names it).
	Reconfigure bool
	// SecretChanged: a value that a config provider gave the instance (ID, Epoch) is another one now; it has to be restarted.
	SecretChanged bool
	// Progress: the running task tells of its work (connect.Progressor), by a JSON object.
	Progress string
	// Settled: all that had to stop for this revision of the wanted set has stopped or was abandoned. 0: not such a report.
	Settled int64
	// Version is the plugin's version, for the status record.
	Version string
	// Restart says what follows a Failed; nil if nothing is known of it, as with errors.restart.enable=false.
	Restart *Restart
}

// Restart says when a failed connector or task is started again (errors.restart.*), or why it is not.
type Restart struct {
	At      time.Time // zero: it is not
	Attempt int       // counts the restarts in a row, from 1
	Class   string    // of the error: retriable, authorization, …
	Why     string    // there is none
}

// String is the line added to the trace of a FAILED status: Kafka Connect's states have no word for it.
func (r *Restart) String() string {
	if r.At.IsZero() {
		return "next_retry: none, " + r.Why + " (class " + r.Class + ")"
	}
	return "next_retry: " + r.At.UTC().Format("2006-01-02T15:04:05.000Z") + " (attempt " + strconv.Itoa(r.Attempt) + ", class " + r.Class + ")"
}

package cluster

import (
	"maps"

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
	FenceFirst bool  // exactly-once: ask for a fencing round before the start
	Generation int32 // of the group, for status records
}

// SameRun tells whether w can go on as o without a restart.
func (w Want) SameRun(o Want) bool {
	return w.Epoch == o.Epoch && maps.Equal(w.Connector, o.Connector) && maps.Equal(w.Task, o.Task)
}

// Report is what the worker tells of one connector or task, or of a wanted set as a whole.
type Report struct {
	ID    connect.TaskID
	Epoch int64 // the Want.Epoch of the instance
	Seen  State // empty for the other kinds of report
	Err   error // for Failed

	// Reconfigure: a running connector asks for its TaskConfigs again (ID names it).
	Reconfigure bool
	// Settled: all that had to stop for this revision of the wanted set has stopped or was abandoned. 0: not such a report.
	Settled int64
	// Version is the plugin's version, for the status record.
	Version string
}

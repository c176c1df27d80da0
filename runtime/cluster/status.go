package cluster

import "github.com/connectd/connectd/connect"

// Status is one record of the status topic: the last seen state of a connector (ID.Task == connect.ConnectorTask) or task.
type Status struct {
	ID         connect.TaskID
	State      State
	Trace      string // empty unless State is Failed
	WorkerID   string // host:port of the REST listener
	Generation int32
	Version    string // version of the plugin, may be empty
	Progress   string // a JSON object, what the task tells of its work (connect.Progressor); may be empty
}

// TopicStatus says that a connector has used a topic (KIP-558).
type TopicStatus struct {
	Topic     string
	Connector string
	Task      int32
	Since     int64 // discoverTimestamp, Unix milliseconds
}

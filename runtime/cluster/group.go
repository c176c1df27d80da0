package cluster

import "github.com/connectd/connectd/connect"

// Assignment is the work of one worker: connector instances (Task == connect.ConnectorTask) and tasks, in the order of the wire.
type Assignment struct {
	Connectors []string
	Tasks      []connect.TaskID
}

// Empty tells whether nothing is assigned.
func (a Assignment) Empty() bool { return len(a.Connectors) == 0 && len(a.Tasks) == 0 }

// Len counts connector instances and tasks.
func (a Assignment) Len() int { return len(a.Connectors) + len(a.Tasks) }

// Member is what one worker said of itself in JoinGroup.
type Member struct {
	ID           string // the coordinator's member id
	InstanceID   string // group.instance.id, empty for a dynamic member
	URL          string // advertised REST URL, ends with a slash
	ConfigOffset int64  // of its config log
	Held         Assignment
	Version      int16 // protocol version of its metadata: 0 eager, 1 compatible, 2 sessioned
}

// AssignmentError is the error field of an assignment.
type AssignmentError int16

const (
	// NoError: the assignment holds.
	NoError AssignmentError = 0
	// ConfigMismatch: the leader's config log is behind the group's; everybody re-reads and rejoins.
	ConfigMismatch AssignmentError = 1
)

// Sessioned is the Grant.Version from which on workers sign their requests to each other (KIP-507).
const Sessioned = 2

// Grant is the assignment of one member as it goes over the wire (ExtendedAssignment of Kafka Connect).
type Grant struct {
	Version      int16
	Error        AssignmentError
	Leader       string // member id
	LeaderURL    string
	ConfigOffset int64
	Assigned     Assignment // protocol v0: all the member has; v1 and v2: only what is new to it (in JoinGroup metadata: all it holds)
	Revoked      Assignment // v1 and v2: what it has to stop, and then to rejoin
	Delay        int32      // milliseconds until the next scheduled rebalance, 0: none
}

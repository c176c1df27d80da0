package core

import (
	"errors"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
)

// ErrLate: a slow action was not done by its deadline.
var ErrLate = errors.New("deadline passed")

// OpID numbers slow actions.
type OpID int64

// ReqID numbers requests; 0 is no request.
type ReqID int64

// Event is what happened.
type Event interface{ event() }

// The events.
type (
	// Tick says nothing but the time.
	Tick struct{}
	// Joined: the group has a new generation, and this is what we have in it.
	Joined struct {
		cluster.Joined
		Owners map[connect.TaskID]string // leader only: the REST address of who has what
	}
	// Revoking: everything has to stop before the next join (eager protocol).
	Revoking struct{ cluster.Revoking }
	// LeftGroup: we are no member; what runs must stop.
	LeftGroup struct{ cluster.Left }
	// ConfigRead: the config topic has news, which Snapshot holds already.
	ConfigRead struct{ cluster.ConfigRead }
	// Requested: REST wants something; Reply answers it.
	Requested struct {
		Req     ReqID
		Request Request
	}
	// Reported: the worker tells of an instance, or that a revision is settled.
	Reported struct{ cluster.Report }
	// Done answers a slow action.
	Done struct {
		Op     OpID
		Result any
		Err    error
	}
)

func (Tick) event()       {}
func (Joined) event()     {}
func (Revoking) event()   {}
func (LeftGroup) event()  {}
func (ConfigRead) event() {}
func (Requested) event()  {}
func (Reported) event()   {}
func (Done) event()       {}

// Request is what REST (or another worker through it) asks for.
type Request interface{ request() }

// The requests. The result type of each Reply is named.
type (
	// PutConfig creates or replaces a connector's config: Put.
	PutConfig struct {
		Name      string
		Props     config.Props
		Order     []string             // the keys as the user wrote them, for the config topic
		Initial   *cluster.TargetState // KIP-980, only with MustBeNew
		MustBeNew bool
	}
	// PatchConfig changes single keys, nil removes one (KIP-477): Put.
	PatchConfig struct {
		Name  string
		Patch map[string]*string
	}
	// Delete removes a connector: nil.
	Delete struct{ Name string }
	// SetTarget pauses, resumes or stops a connector: nil.
	SetTarget struct {
		Name  string
		State cluster.TargetState
	}
	// RestartConnector restarts the connector instance where it runs: nil, once it is up again or FAILED.
	RestartConnector struct{ Name string }
	// RestartTask restarts one task where it runs: nil.
	RestartTask struct{ ID connect.TaskID }
	// RestartAll writes a restart request that every worker reads (KIP-745): nil.
	RestartAll struct{ cluster.RestartRequest }
	// PutTasks brings the task configs that a connector's worker made to the leader: nil.
	PutTasks struct {
		Name    string
		Configs []config.Props
	}
	// Fence fences out the producers of a source connector's former tasks (KIP-618): nil.
	Fence struct{ Name string }
	// SetLogger sets a logger's level on all workers (KIP-976): nil.
	SetLogger struct{ cluster.LoggerLevel }
)

func (PutConfig) request()        {}
func (PatchConfig) request()      {}
func (Delete) request()           {}
func (SetTarget) request()        {}
func (RestartConnector) request() {}
func (RestartTask) request()      {}
func (RestartAll) request()       {}
func (PutTasks) request()         {}
func (Fence) request()            {}
func (SetLogger) request()        {}

// Put answers PutConfig and PatchConfig.
type Put struct {
	Created bool
	Props   config.Props
	Tasks   []connect.TaskID
}

// Action is what the shell must do.
type Action interface{ action() }

// The instant actions.
type (
	// Apply hands the worker the whole wanted set; it is idempotent. The map is the core's own: whoever performs the action reads it before the
	// next Step and keeps none of it.
	Apply struct {
		Revision int64
		Want     map[connect.TaskID]cluster.Want
		// Changed are all that differ from the last Apply, so that a change of one connector costs the same however many there are; nil:
		// any may.
		Changed []connect.TaskID
	}
	// Rejoin asks for another round of the group.
	Rejoin struct{ Reason string }
	// Ready tells the member that all which the change Seq took away has stopped or was abandoned (invariant 5).
	Ready struct{ Seq int64 }
	// LeaveGroup leaves; Rejoin comes back.
	LeaveGroup struct{ Reason string }
	// Reply answers a request.
	Reply struct {
		Req    ReqID
		Result any
		Err    error
	}
	// WriteStatus writes a status record, in order with the others.
	WriteStatus struct {
		Status cluster.Status
		Safe   bool // only if nobody else wrote a newer one
	}
	// CallOff ends a slow action that nobody waits for any more, if it is still under way; its Done is not needed. A former leader's must not
	// go on: a claim or a round of fencing that waits for a broker would cut off the next leader, or its tasks, when the broker is back.
	CallOff struct{ Op OpID }
	// CleanStatus tells the leader's shell to remove statuses of what is not configured any more.
	CleanStatus struct{ Snapshot *cluster.Snapshot }
)

// The slow actions.
type (
	// ReadToEnd reads the config topic to its end: *cluster.Snapshot.
	ReadToEnd struct{ Op OpID }
	// WriteConfig writes changes and reads them back: *cluster.Snapshot.
	WriteConfig struct {
		Op       OpID
		Changes  []cluster.Change
		AsLeader bool
		Claim    bool // take the right to write as leader first
	}
	// Validate validates a connector config: nil, or the Err of REST.
	Validate struct {
		Op    OpID
		Props config.Props
	}
	// PlanTasks asks the running connector for task configs: []config.Props.
	PlanTasks struct {
		Op        OpID
		Connector string
	}
	// ForwardTasks brings task configs to the leader: nil.
	ForwardTasks struct {
		Op        OpID
		LeaderURL string
		Connector string
		Configs   []config.Props
	}
	// NewSessionKey makes a key: *cluster.SessionKey.
	NewSessionKey struct{ Op OpID }
	// Claim takes the right to write the config topic as leader from whoever has it: nil.
	Claim struct{ Op OpID }
	// Release gives it up: nil.
	Release struct{ Op OpID }
	// FenceProducers cuts off the producers of the tasks 0 to Tasks-1 of a source connector: nil.
	FenceProducers struct {
		Op        OpID
		Connector string
		Config    config.Props // unresolved; its admin.override. keys say how
		Tasks     int32
	}
)

func (Apply) action()          {}
func (Rejoin) action()         {}
func (Ready) action()          {}
func (LeaveGroup) action()     {}
func (Reply) action()          {}
func (WriteStatus) action()    {}
func (CallOff) action()        {}
func (CleanStatus) action()    {}
func (ReadToEnd) action()      {}
func (WriteConfig) action()    {}
func (Validate) action()       {}
func (PlanTasks) action()      {}
func (ForwardTasks) action()   {}
func (NewSessionKey) action()  {}
func (Claim) action()          {}
func (Release) action()        {}
func (FenceProducers) action() {}

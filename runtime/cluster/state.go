package cluster

// TargetState is what the user wants of a connector; it is stored in the config topic.
type TargetState uint8

// The target states (org.apache.kafka.connect.runtime.TargetState, KIP-875).
const (
	// Started: the connector and its tasks run.
	Started TargetState = iota
	// Paused: instances stay, but process nothing.
	Paused
	// Stopped: the connector stays assigned, its tasks are gone and their configs removed.
	Stopped
)

var targetNames = [...]string{"STARTED", "PAUSED", "STOPPED"}

// String is the word of the config topic.
func (s TargetState) String() string { return targetNames[s] }

// ParseTargetState reads the word of the config topic; ok is false for any other.
func ParseTargetState(word string) (s TargetState, ok bool) {
	for i, n := range targetNames {
		if n == word {
			return TargetState(i), true
		}
	}
	return Started, false
}

// State is what is seen of a connector or task; it is stored in the status topic and shown by REST.
type State string

// The seen states (org.apache.kafka.connect.runtime.AbstractStatus.State).
const (
	Unassigned State = "UNASSIGNED"
	Running    State = "RUNNING"
	PausedSeen State = "PAUSED"
	Failed     State = "FAILED"
	Restarting State = "RESTARTING"
	Destroyed  State = "DESTROYED"
	// StoppedSeen is a state of connectors only.
	StoppedSeen State = "STOPPED"
)

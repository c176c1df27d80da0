package core

import "time"

// pacing spaces the rounds of the group that changes of the config bring. Each round handles all connectors and tasks of the cluster, so
// that a round for each change would make n new connectors cost n²; Kafka Connect pays that. The pause between two rounds grows with what
// a round handles: rounds then take a bounded share of the time, and the changes that come in a pause share the next one.
type pacing struct {
	pause  time.Duration // at least between the last round's end and the next one's begin
	joined time.Time     // when the last round ended
	due    time.Time     // when to rejoin; zero: not
	reason string
}

const (
	// unpaced is how many connectors and tasks a cluster may have for rounds to follow each other without a pause.
	unpaced = 64
	// pausePer is the pause for each connector and task of the cluster, about ten times what it costs a leader that runs them all.
	pausePer = 100 * time.Microsecond
	// maxPause bounds how late new work begins.
	maxPause = time.Second
)

// paceFrom notes the end of a round. What the round was asked for is done if it was made for the config that is known here.
func (h *Herder) paceFrom(covered bool) {
	n := len(h.snap.Connectors)
	for _, c := range h.snap.Connectors {
		n += len(c.Tasks)
	}
	h.pacing.pause, h.pacing.joined = 0, h.now
	if n > unpaced {
		h.pacing.pause = min(time.Duration(n)*pausePer, maxPause)
	}
	if covered {
		h.pacing.due = time.Time{}
	}
}

// rejoin asks for a round, now or when the pause after the last one is over.
func (h *Herder) rejoin(reason string) []Action {
	if !h.pacing.due.IsZero() {
		return nil // asked for already
	}
	if at := h.pacing.joined.Add(h.pacing.pause); h.now.Before(at) {
		h.pacing.due, h.pacing.reason = at, reason
		return nil
	}
	return []Action{Rejoin{Reason: reason}}
}

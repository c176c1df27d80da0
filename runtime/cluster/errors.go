package cluster

import (
	"errors"
	"fmt"
	"time"
)

// ErrRebalancing: the group is between two assignments; the caller tries again (REST: 409).
var ErrRebalancing = errors.New("Cannot complete request momentarily due to stale configuration (typically caused by a concurrent config change)")

// ErrFenced: another worker has taken the right to write the config topic as leader since; this one may lead no more (KIP-618).
var ErrFenced = errors.New("another worker has taken over the writing of the config topic; this one may not lead any more")

// ErrStarting: the worker has not joined its group yet.
var ErrStarting = errors.New("the worker is starting: it has not read its topics or not joined its group yet")

// TimedOut: a request was not done in time; Error says what the worker was doing for it then, in Kafka Connect's words (KAFKA-15563).
type TimedOut struct {
	Doing string
	Began time.Time
	Cause error
}

func (e *TimedOut) Error() string {
	return "Request timed out. The worker is currently " + e.Doing + ", which began at " + e.Began.UTC().Format("2006-01-02T15:04:05.999Z07:00")
}

func (e *TimedOut) Unwrap() error { return e.Cause }

// NotLeader: only the leader can do this; URL is the leader's REST address, empty while it is unknown.
type NotLeader struct{ URL string }

func (e *NotLeader) Error() string {
	return "Cannot process request because this worker is not the leader; the leader is " + e.URL
}

// NotAssigned: another worker runs the connector or task; URL is its REST address, empty if nobody does.
type NotAssigned struct{ What, URL string }

func (e *NotAssigned) Error() string {
	return fmt.Sprintf("Cannot process request because %s is assigned to another worker (%s)", e.What, e.URL)
}

// NotFound: there is no such connector or task. Message is the text of REST.
type NotFound struct{ Message string }

func (e *NotFound) Error() string { return e.Message }

// Exists: the connector is there already. Message is the text of REST.
type Exists struct{ Message string }

func (e *Exists) Error() string { return e.Message }

// Conflict: what was asked for has been overtaken. Message is the text of REST, which answers 409.
type Conflict struct{ Message string }

func (e *Conflict) Error() string { return e.Message }

// BadRequest: the request can never be done as it is. Message is the text of REST.
type BadRequest struct{ Message string }

func (e *BadRequest) Error() string { return e.Message }

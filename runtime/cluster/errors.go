package cluster

import (
	"errors"
	"fmt"
)

// ErrRebalancing: the group is between two assignments; the caller tries again (REST: 409).
var ErrRebalancing = errors.New("Cannot complete request momentarily due to stale configuration (typically caused by a concurrent config change)")

// ErrStarting: the worker has not joined its group yet.
var ErrStarting = errors.New("the worker is starting: it has not read its topics or not joined its group yet")

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

// BadRequest: the request can never be done as it is. Message is the text of REST.
type BadRequest struct{ Message string }

func (e *BadRequest) Error() string { return e.Message }

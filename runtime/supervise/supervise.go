package supervise

import (
	"fmt"
	"time"
)

// Class is the kind of an error, as far as restarts go.
type Class uint8

const (
	// Unknown: nothing is known of it; worth some tries.
	Unknown Class = iota
	// Retriable: it passes by itself (connect.Retriable, network, broker or database away).
	Retriable
	// Configuration: the config cannot work as it is.
	Configuration
	// Authorization: somebody else must allow it first.
	Authorization
	// Data: a record cannot be processed.
	Data
	// Panic: a defect of a plugin.
	Panic
	// Fenced: another instance has taken over.
	Fenced
)

var classNames = [...]string{"unknown", "retriable", "configuration", "authorization", "data", "panic", "fenced"}

// String is the name in traces and metrics.
func (c Class) String() string { return classNames[c] }

// Failure is how a run ended.
type Failure struct {
	Class Class
	// Place identifies the record of a Data failure (topic, partition and offset, or else the error's text): the same place twice
	// means that the record fails each time.
	Place string
	After time.Duration // the error asks to wait at least that long; 0: it does not
}

// Policy is the errors.restart.* keys of one connector.
type Policy struct {
	Enable       bool
	Initial, Max time.Duration // backoff; both > 0
	Attempts     int           // budget; -1: without end
	Window       time.Duration // a run that lasted so long was a success
}

// Plan says what follows a failure.
type Plan struct {
	Restart bool
	At      time.Time // of the next start, if Restart
	Attempt int       // counts the restarts in a row, from 1
	Class   Class
	Why     string // no restart: the reason in words; empty if restarts are switched off
}

// History is what one connector or task has been through since it was last started on purpose. The zero History is that of one that
// never ran. It is a value: reset it by assigning the zero value.
type History struct {
	up       time.Time // since when the run is up; zero: it is not
	attempts int       // failures in a row, for the backoff
	spent    int       // failures in a row that count against the budget
	place    string    // of the last Data failure
	same     int       // how often it failed there
}

const (
	// samePlace is how often a record may fail at the same place before it is taken for poison.
	samePlace = 3
	// jitter is the part of a backoff that is left to chance, up or down (org.apache.kafka.common.utils.ExponentialBackoff).
	jitter = 0.2
)

// Started notes that the run is up.
func (h *History) Started(now time.Time) { h.up = now }

// Failed notes that the run has failed, and plans. rnd is random in [0, 1).
func (h *History) Failed(now time.Time, p Policy, f Failure, rnd float64) Plan {
	var ran time.Duration
	if !h.up.IsZero() {
		ran = now.Sub(h.up)
	}
	h.up = time.Time{}
	if ran >= p.Max {
		h.attempts = 0
	}
	if ran >= p.Window {
		h.spent = 0
	}
	if !p.Enable {
		return Plan{Class: f.Class}
	}
	if why := h.spend(p, f); why != "" {
		return Plan{Class: f.Class, Why: why}
	}
	wait := backoff(p, h.attempts)
	if f.Class == Authorization {
		wait = p.Max
	}
	h.attempts++
	wait = max(time.Duration(float64(wait)*(1-jitter+2*jitter*rnd)), f.After)
	return Plan{Restart: true, At: now.Add(wait), Attempt: h.attempts, Class: f.Class}
}

// spend takes the failure off the budget; what it answers is why there is no restart.
func (h *History) spend(p Policy, f Failure) string {
	switch f.Class {
	case Retriable, Authorization:
		return ""
	case Configuration:
		return "an error of the configuration stays until the configuration changes"
	}
	if h.spent++; p.Attempts >= 0 && h.spent > p.Attempts {
		return fmt.Sprintf("errors.restart.max.attempts=%d restarts did not help", p.Attempts)
	}
	if f.Class != Data || f.Place == "" {
		return ""
	}
	if f.Place != h.place {
		h.place, h.same = f.Place, 0
	}
	if h.same++; h.same > samePlace {
		return fmt.Sprintf("the same record failed again after each of %d restarts", samePlace)
	}
	return ""
}

func backoff(p Policy, attempts int) time.Duration {
	wait := min(p.Initial, p.Max)
	for range attempts {
		if wait > p.Max/2 {
			return p.Max
		}
		wait *= 2
	}
	return wait
}

package connect

import "encoding/json"

// Progress is what a task tells of its work, for people: the field progress of its status over REST, on every worker.
type Progress struct {
	// Phase is what the task is doing, in a word. Another one is told within about a second, other changes every few seconds.
	Phase string
	// Details are the text of a JSON object, with the phase in it: what is done of how much, and where the task stands. It should be the
	// same as long as nothing happens, hold no secrets, and stay small (a few kilobytes).
	Details json.RawMessage
}

// Progressor is an optional ability of source and sink tasks: it tells how far the task has come. Progress is called every second or so
// while the task is RUNNING, from a goroutine of its own, also at the same time as any other call, and a moment beyond Stop: it returns at
// once. Empty Details: there is nothing to tell.
type Progressor interface{ Progress() Progress }

// Package faults holds the fault suite: three connectd workers and a Kafka broker as processes, sources that number what they read, sinks,
// and rounds of faults while config changes go on. It is behind the build tag "integration", and starts a broker of its own, since it
// kills it.
//
// A round hits the cluster once: kill -9 of a worker, also of the leader right after it answered a request, or while the group
// rebalances; SIGSTOP and SIGCONT, shorter and longer than the session; the broker killed or restarted; the connections of a worker, to the
// broker and to the other workers, reset, refused or stalled. Then the cluster has to heal by itself: every connector and task is in its wanted
// state again, and new lines come through. At the end every line is accounted for.
//
// Every decision comes from the seed, and timing from the machine. FAULTS_SEED repeats a run, FAULTS_ROUNDS (3 by default, 20 in `make
// test-faults`) is its length, FAULTS_ONLY a regular expression that chooses among the faults, FAULTS_BUILD
// options for go build, as -race.
package faults

// Package supervise decides whether and when a failed connector or task is started again (errors.restart.*): pure, without clock,
// goroutine or I/O. Kafka Connect has no counterpart: there a failed task stays FAILED until somebody restarts it.
//
// The worker keeps one [History] per connector and task, tells it when a run is up and when it has failed, and gets a [Plan]:
//
//	class           next start                                          how often
//	retriable       exponential backoff with jitter                     without end
//	authorization   after errors.restart.backoff.max.ms                 without end: somebody may grant it
//	configuration   none: only another config, secret or version helps  never
//	data            exponential                                         the budget; a record that fails again at the same place: 3 times
//	panic, fenced,  exponential                                         the budget
//	unknown
//
// The budget is errors.restart.max.attempts failures in a row; a run that lasted errors.restart.window.ms begins a new row. The
// backoff starts at its initial value again as soon as a run lasted longer than errors.restart.backoff.max.ms.
package supervise

// Package metrics holds the one table of the runtime's metrics and puts them, and those of plugins, on /metrics.
//
// A metric is declared once, as a package variable of type [Metric] listed in [Table]: name, unit, help, labels and the name Kafka
// Connect gives it in JMX. The manual is written from the same table.
//
// A [Registry] belongs to one worker. It hands out one [Scope] per connector or task: the instruments bound to its labels. Closing a
// scope takes its series off /metrics. Names on /metrics are the declared name with the prefix connectd_; counters end in _total.
//
//	reg := metrics.New()
//	scope := reg.Scope(connect.TaskID{Connector: "orders", Task: 0})
//	polled := scope.Counter(&metrics.SourceRecordPoll.Metric)
//	polled(500)
//	scope.Close()
//
// All methods are safe for concurrent use. A nil *Scope is valid and counts nothing.
package metrics

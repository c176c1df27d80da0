// Package logging holds the levels of the process's loggers, which REST shows and changes while it runs (KIP-495, KIP-976; Java:
// org.apache.kafka.connect.runtime.Loggers over Log4j 2).
//
// # Contract
//
// Every package is a logger, named after its path: connectd.runtime.herder. Whoever logs need not know: the handler reads the package from
// the record. Packages that have a counterpart in Java answer to its name, too: what is set for one name of a component is set for all.
//
// A level is set for a logger and all whose names begin with its name (as Log4j does it, without regard to dots). A name that nobody
// has becomes a logger of its own, which starts with the level of its nearest parent and has no effect.
//
//	levels := logging.New(slog.LevelInfo)
//	log := slog.New(levels.Handler(slog.NewJSONHandler(os.Stderr, nil)))
//	changed, ok := levels.Set("connectd.runtime.herder", "DEBUG")
//
// All methods are safe for concurrent use. Nothing is kept beyond the process.
package logging

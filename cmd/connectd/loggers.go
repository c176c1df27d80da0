package main

import (
	"github.com/connectd/connectd/rest"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/logging"
)

// loggers are the log levels as REST has them.
type loggers struct{ *levels }

type levels = logging.Levels

var _ rest.Loggers = loggers{}

func (l loggers) Levels() map[string]rest.LoggerState {
	all := l.All()
	out := make(map[string]rest.LoggerState, len(all))
	for name, s := range all {
		out[name] = loggerState(s)
	}
	return out
}

func (l loggers) Level(name string) (rest.LoggerState, bool) {
	s, ok := l.Get(name)
	return loggerState(s), ok
}

func loggerState(s logging.State) rest.LoggerState {
	out := rest.LoggerState{Level: s.Level}
	if !s.Changed.IsZero() {
		out.Changed = s.Changed.UnixMilli()
	}
	return out
}

// setLogger acts on a level that was set for the cluster while this worker runs. As in Java, levels set before are not applied at start.
func (p *process) setLogger(l cluster.LoggerLevel) {
	if _, ok := p.levels.Set(l.Namespace, l.Level); !ok {
		p.log.Warn("the config topic sets a logger to a level that there is not", "logger", l.Namespace, "level", l.Level)
	}
}

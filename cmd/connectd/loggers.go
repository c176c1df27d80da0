package main

import (
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/connectd/connectd/rest"
	"github.com/connectd/connectd/runtime/cluster"
)

// loggers are the log levels as REST has them. There is one logger, root; Java's names below it are accepted and set it too when they
// name all of connect.
type loggers struct {
	level *slog.LevelVar

	mu      sync.Mutex
	changed int64
}

var levels = map[string]slog.Level{
	"TRACE": slog.LevelDebug - 4, "DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo, "WARN": slog.LevelWarn, "ERROR": slog.LevelError,
	"FATAL": slog.LevelError + 4, "OFF": slog.LevelError + 8,
}

func (l *loggers) Levels() map[string]rest.LoggerState {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := "INFO"
	for n, v := range levels {
		if v == l.level.Level() {
			name = n
		}
	}
	return map[string]rest.LoggerState{"root": {Level: name, Changed: l.changed}}
}

func (l *loggers) Set(name, level string) ([]string, bool) {
	v, ok := levels[strings.ToUpper(level)]
	if !ok {
		return nil, false
	}
	if name != "root" {
		return []string{}, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.level.Set(v)
	l.changed = time.Now().UnixMilli()
	return []string{"root"}, true
}

func (p *process) setLogger(l cluster.LoggerLevel) { p.loggers().Set(l.Namespace, l.Level) }

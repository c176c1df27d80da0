package logging

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
)

// handler lets pass what the level of a record's logger allows.
type handler struct {
	levels *Levels
	next   slog.Handler
}

// Handler passes records to next, whose own level must be the lowest there is.
func (l *Levels) Handler(next slog.Handler) slog.Handler { return handler{l, next} }

// Enabled does not know who asks: it answers for the most talkative logger.
func (h handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.levels.current.Load().lowest
}

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < h.levels.current.Load().of(r.PC) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.levels, h.next.WithAttrs(attrs)}
}

func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.levels, h.next.WithGroup(name)}
}

// of is the level of the package that logged at pc.
func (v *view) of(pc uintptr) slog.Level {
	if level, ok := v.byPC.Load(pc); ok {
		return level.(slog.Level) // nothing else is stored
	}
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	level := v.named(loggerOf(frame.Function))
	v.byPC.Store(pc, level)
	return level
}

// named is the level of a logger or its nearest parent; of the root for code that is not connectd's.
func (v *view) named(name string) slog.Level {
	for name != "" {
		if level, ok := v.levels[name]; ok {
			return level
		}
		name = name[:max(0, strings.LastIndexByte(name, '.'))]
	}
	return v.root
}

// loggerOf is the logger of a function, such as github.com/connectd/connectd/runtime/herder.(*Herder).Run; "" for code of others.
func loggerOf(function string) string {
	slash := strings.LastIndexByte(function, '/')
	path := function[:slash+1]
	path += function[slash+1 : slash+1+max(0, strings.IndexByte(function[slash+1:], '.'))]
	if path == "main" { // as the linker names cmd/connectd
		return nameOfPackage("cmd/connectd")
	}
	below, ok := strings.CutPrefix(path, module)
	if !ok {
		return ""
	}
	return nameOfPackage(below)
}

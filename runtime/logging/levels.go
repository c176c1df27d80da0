package logging

import (
	"cmp"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Root is the logger above all others. Its name has no case.
const Root = "root"

// off is a level that no record has.
const off = "OFF"

// byName are the levels of Log4j.
var byName = map[string]slog.Level{
	"ALL": math.MinInt, "TRACE": slog.LevelDebug - 4, "DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo, "WARN": slog.LevelWarn,
	"ERROR": slog.LevelError, "FATAL": slog.LevelError + 4, off: math.MaxInt,
}

// State is one logger's.
type State struct {
	Level   string    // one of ALL, TRACE, DEBUG, INFO, WARN, ERROR, FATAL, OFF
	Changed time.Time // zero if never
}

// Levels are the levels of all loggers.
type Levels struct {
	mu      sync.Mutex
	loggers map[string]*State
	linked  map[string][]string // the other names of a component, by each of its names

	current atomic.Pointer[view]
}

// view is what handlers read: the levels as slog has them.
type view struct {
	lowest slog.Level            // that any logger has
	levels map[string]slog.Level // by the names of connectd's own
	root   slog.Level
	byPC   sync.Map // uintptr to slog.Level, filled as records come
}

// New gives every logger the level nearest to start.
func New(start slog.Level) *Levels {
	l := &Levels{loggers: map[string]*State{}, linked: map[string][]string{}}
	level := nameOf(start)
	l.loggers[Root] = &State{Level: level}
	for path, others := range components {
		names := append([]string{nameOfPackage(path)}, others...)
		for _, n := range names {
			l.loggers[n] = &State{Level: level}
			l.linked[n] = names
		}
	}
	l.publish()
	return l
}

// nameOf is the level of Log4j that lets pass what level does.
func nameOf(level slog.Level) string {
	names := slices.SortedFunc(maps.Keys(byName), func(a, b string) int { return cmp.Compare(byName[a], byName[b]) })
	for _, n := range names {
		if level <= byName[n] {
			return n
		}
	}
	return off
}

// nameOfPackage is the logger of a path below the module.
func nameOfPackage(path string) string {
	if path == "" {
		return own
	}
	return own + "." + strings.ReplaceAll(path, "/", ".")
}

// canonical gives the root its one name.
func canonical(name string) string {
	if name == "" || strings.EqualFold(name, Root) {
		return Root
	}
	return name
}

// ValidLevel tells whether Log4j has a level; it has no case, and blanks around it do not count.
func ValidLevel(level string) bool {
	_, ok := byName[strings.ToUpper(strings.TrimSpace(level))]
	return ok
}

// Get tells of one logger.
func (l *Levels) Get(name string) (State, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.loggers[canonical(name)]
	if s == nil {
		return State{}, false
	}
	return *s, true
}

// All lists the loggers that are not off, as Java does.
func (l *Levels) All() map[string]State {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[string]State, len(l.loggers))
	for name, s := range l.loggers {
		if s.Level != off {
			out[name] = *s
		}
	}
	return out
}

// Set sets the level of a logger and of all whose names begin with its name, and lists those that were changed, sorted. The root's is that
// of all. False: there is no such level.
func (l *Levels) Set(name, level string) (changed []string, ok bool) {
	level = strings.ToUpper(strings.TrimSpace(level))
	if !ValidLevel(level) {
		return nil, false
	}
	name = canonical(name)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loggers[name] == nil {
		l.loggers[name] = &State{Level: l.inherited(name)}
	}
	affected := map[string]bool{}
	for n := range l.loggers {
		if name == Root || n != Root && strings.HasPrefix(n, name) {
			affected[n] = true
			for _, other := range l.linked[n] {
				affected[other] = true
			}
		}
	}
	changed = []string{}
	for _, n := range slices.Sorted(maps.Keys(affected)) {
		// Java does not know the level of a logger that is off, and takes it for another one.
		if s := l.loggers[n]; s.Level != level || level == off {
			s.Level, s.Changed = level, time.Now()
			changed = append(changed, n)
		}
	}
	l.publish()
	return changed, true
}

// inherited is the level of the nearest parent.
func (l *Levels) inherited(name string) string {
	for {
		i := strings.LastIndexByte(name, '.')
		if i < 0 {
			return l.loggers[Root].Level
		}
		name = name[:i]
		if s := l.loggers[name]; s != nil {
			return s.Level
		}
	}
}

// publish shows handlers the levels of connectd's own loggers.
func (l *Levels) publish() {
	v := &view{levels: map[string]slog.Level{}, root: byName[l.loggers[Root].Level]}
	v.lowest = v.root
	for name, s := range l.loggers {
		if name == own || strings.HasPrefix(name, own+".") {
			v.levels[name] = byName[s.Level]
			v.lowest = min(v.lowest, v.levels[name])
		}
	}
	l.current.Store(v)
}

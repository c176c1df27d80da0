package plugin

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/connectd/connectd/connect"
)

// Registry is used by pointer; safe for concurrent use, since plugins may come at run time.
type Registry struct {
	Sources          Set[connect.SourceConnector]
	Sinks            Set[connect.SinkConnector]
	Transforms       Set[connect.Transform]
	Predicates       Set[connect.Predicate]
	Converters       Set[connect.Converter]
	HeaderConverters Set[connect.HeaderConverter]
	ConfigProviders  Set[connect.ConfigProvider]
}

// Set holds the plugins of one type. The zero Set is empty and ready.
type Set[T any] struct {
	mu     sync.RWMutex
	byName map[string][]connect.Plugin[T] // by lower-cased name and alias; newest version first
	all    []connect.Plugin[T]
}

// NotFound says that no plugin answers to a class name or version.
type NotFound struct {
	Class   string
	Range   string
	Version []string // what there is instead, when the class is known
	Nearest string   // a known class of a similar name, or empty
}

func (e *NotFound) Error() string {
	switch {
	case len(e.Version) > 0:
		return fmt.Sprintf("no version of %s fits %q; there is %s", e.Class, e.Range, strings.Join(e.Version, ", "))
	case e.Nearest != "":
		return fmt.Sprintf("no class %s is known; did you mean %s?", e.Class, e.Nearest)
	default:
		return fmt.Sprintf("no class %s is known", e.Class)
	}
}

// Add adds plugins. A second plugin of the same name and version, or an alias that another plugin has, is an error.
func (s *Set[T]) Add(ps ...connect.Plugin[T]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byName == nil {
		s.byName = map[string][]connect.Plugin[T]{}
	}
	for _, p := range ps {
		own := map[string]bool{}
		for _, n := range append([]string{p.Name}, p.Aliases...) {
			if own[strings.ToLower(n)] {
				continue
			}
			own[strings.ToLower(n)] = true
			if err := s.add(n, p); err != nil {
				return err
			}
		}
		s.all = append(s.all, p)
	}
	slices.SortStableFunc(s.all, func(a, b connect.Plugin[T]) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

func (s *Set[T]) add(name string, p connect.Plugin[T]) error {
	key := strings.ToLower(name)
	for _, o := range s.byName[key] {
		if o.Name != p.Name {
			return fmt.Errorf("adding plugin %s: the name %s is taken by %s", p.Name, name, o.Name)
		}
		if o.Version == p.Version {
			return fmt.Errorf("adding plugin %s: version %q is there already", p.Name, p.Version)
		}
	}
	vs := append(slices.Clone(s.byName[key]), p)
	slices.SortStableFunc(vs, func(a, b connect.Plugin[T]) int { return CompareVersions(b.Version, a.Version) })
	s.byName[key] = vs
	return nil
}

// Lookup finds a plugin by class name or alias and a Maven version range (KIP-891: connector.plugin.version, …); "" is the newest.
// The error is a *NotFound or one about the range.
func (s *Set[T]) Lookup(name, versionRange string) (connect.Plugin[T], error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	vs := s.byName[strings.ToLower(strings.TrimSpace(name))]
	if len(vs) == 0 {
		return connect.Plugin[T]{}, &NotFound{Class: name, Nearest: s.nearest(name)}
	}
	match, err := ParseRange(versionRange)
	if err != nil {
		return connect.Plugin[T]{}, err
	}
	have := make([]string, 0, len(vs))
	for _, p := range vs {
		if match(p.Version) {
			return p, nil
		}
		have = append(have, p.Version)
	}
	return connect.Plugin[T]{}, &NotFound{Class: vs[0].Name, Range: versionRange, Version: have}
}

// nearest compares the last part of class names, so that a wrong package still finds the class.
func (s *Set[T]) nearest(name string) string {
	last := strings.ToLower(name[strings.LastIndexAny(name, ".$")+1:])
	if last == "" {
		return ""
	}
	for _, p := range s.all {
		own := strings.ToLower(p.Name[strings.LastIndexByte(p.Name, '.')+1:])
		if strings.Contains(own, last) || strings.Contains(last, own) {
			return p.Name
		}
	}
	return ""
}

// Versions lists the versions of a class, newest first.
func (s *Set[T]) Versions(name string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var vs []string
	for _, p := range s.byName[strings.ToLower(name)] {
		vs = append(vs, p.Version)
	}
	return vs
}

// All lists the plugins, sorted by name.
func (s *Set[T]) All() []connect.Plugin[T] {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.all)
}

package connect

import (
	"context"
	"time"

	"github.com/connectd/connectd/connect/config"
)

// Plugin is plain data; nothing happens at import. T is one of SourceConnector, SinkConnector, Transform, Predicate, Converter,
// HeaderConverter, ConfigProvider.
type Plugin[T any] struct {
	Name      string   // canonical, e.g. org.apache.kafka.connect.transforms.Cast$Value
	Aliases   []string // other names accepted in configs
	Version   string
	Summary   string
	TaskClass string // connectors: the task.class that Kafka Connect's config topic records of a task carry
	Config    *config.Def
	ConfigFor func(config.Props) *config.Def // where keys depend on the props
	Metrics   []*Metric
	New       func() T // returns the interface: func() connect.SourceConnector { return new(connector) }
}

// ConfigProvider resolves ${provider:path:key} at start, on the worker that runs the thing, never into topics.
type ConfigProvider interface {
	Configure(v config.Values) error
	Get(ctx context.Context, path string, keys []string) (Resolved, error) // no keys: all of them
	Close() error
}

// Resolved is what a config provider found.
type Resolved struct {
	Data map[string]string
	TTL  time.Duration // > 0: resolve again then; another hash restarts what uses it
}

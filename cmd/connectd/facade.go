package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/rest"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/connectorconfig"
	"github.com/connectd/connectd/runtime/herder"
	"github.com/connectd/connectd/runtime/herder/core"
)

// facade is the worker as REST sees it.
type facade struct{ p *process }

var _ rest.Herder = (*facade)(nil)

func (f *facade) Snapshot() *cluster.Snapshot { return f.p.config.Snapshot() }

func (f *facade) Status(id connect.TaskID) (cluster.Status, bool) { return f.p.status.Get(id) }

func (f *facade) Topics(connector string) []cluster.TopicStatus { return f.p.status.Topics(connector) }

func (f *facade) ResetTopics(connector string) {
	for _, t := range f.p.status.Topics(connector) {
		f.p.status.DeleteTopic(connector, t.Topic)
	}
}

func (f *facade) put(ctx context.Context, r core.Request) (rest.Put, error) {
	res, err := f.p.herder.Do(ctx, r)
	if err != nil {
		return rest.Put{}, err
	}
	put, ok := res.(core.Put)
	if !ok {
		return rest.Put{}, fmt.Errorf("the herder answered %T", res)
	}
	return rest.Put{Created: put.Created, Props: put.Props, Tasks: put.Tasks}, nil
}

func (f *facade) do(ctx context.Context, r core.Request) error {
	_, err := f.p.herder.Do(ctx, r)
	return err
}

// unknown words the error of a connector that does not exist as Java does for the call in question: clients match on the text.
func (f *facade) unknown(err error, connector, text string) error {
	if _, missing := errors.AsType[*cluster.NotFound](err); missing && f.Snapshot().Connectors[connector] == nil {
		return &cluster.NotFound{Message: text + connector}
	}
	return err
}

func (f *facade) PutConnector(ctx context.Context, r rest.PutRequest) (rest.Put, error) {
	if len(r.Nulls) > 0 { // the herder knows no nulls
		_, err := bounded(ctx, "validating a connector config", func(ctx context.Context) (struct{}, error) {
			return struct{}{}, f.p.refuse(ctx, r.Props, r.Nulls)
		})
		if err != nil {
			return rest.Put{}, err
		}
	}
	return f.put(ctx, core.PutConfig{Name: r.Name, Props: r.Props, Order: r.Order, Initial: r.Initial, MustBeNew: r.MustBeNew})
}

func (f *facade) PatchConnector(ctx context.Context, name string, patch map[string]*string) (rest.Put, error) {
	return f.put(ctx, core.PatchConfig{Name: name, Patch: patch})
}

func (f *facade) DeleteConnector(ctx context.Context, name string) error {
	return f.do(ctx, core.Delete{Name: name})
}

func (f *facade) SetTarget(ctx context.Context, name string, s cluster.TargetState) error {
	return f.unknown(f.do(ctx, core.SetTarget{Name: name, State: s}), name, "Unknown connector ")
}

func (f *facade) RestartConnector(ctx context.Context, name string) error {
	return f.unknown(f.do(ctx, core.RestartConnector{Name: name}), name, "Unknown connector: ")
}

func (f *facade) RestartTask(ctx context.Context, id connect.TaskID) error {
	return f.unknown(f.do(ctx, core.RestartTask{ID: id}), id.Connector, "Unknown connector: ")
}

func (f *facade) RestartAll(ctx context.Context, r cluster.RestartRequest) error {
	return f.do(ctx, core.RestartAll{RestartRequest: r})
}

func (f *facade) PutTasks(ctx context.Context, name string, tasks []config.Props) error {
	return f.p.herder.PutTasks(ctx, name, tasks)
}

// Offsets lists what the offset topic has of a source, or what the sink's consumer group has committed (KIP-875).
func (f *facade) Offsets(ctx context.Context, name string) ([]rest.OffsetEntry, error) {
	c := f.p.config.Snapshot().Connectors[name]
	if c == nil {
		return nil, &cluster.NotFound{Message: "Connector " + name + " not found"}
	}
	if f.ConnectorType(c.Config["connector.class"]) == "sink" {
		return f.groupOffsets(ctx, name, c.Config)
	}
	entries, err := f.sourceOffsets(ctx, name, c.Config)
	if err != nil {
		return nil, err
	}
	out := make([]rest.OffsetEntry, len(entries))
	for i, e := range entries {
		out[i] = rest.OffsetEntry{Partition: e.Partition, Offset: e.Offset}
	}
	return out, nil
}

func (f *facade) groupOffsets(ctx context.Context, name string, props config.Props) ([]rest.OffsetEntry, error) {
	group := "connect-" + name
	if g := props["consumer.override.group.id"]; g != "" {
		group = g
	}
	res, err := f.p.admin.FetchOffsets(ctx, group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil // it never committed, or was reset
	}
	if err != nil {
		return nil, fmt.Errorf("reading the offsets of consumer group %s: %w", group, err)
	}
	var out []rest.OffsetEntry
	for _, o := range res.Sorted() {
		if o.Err != nil {
			return nil, fmt.Errorf("reading the offsets of consumer group %s: %w", group, o.Err)
		}
		out = append(out, sinkOffset(o))
	}
	return out, nil
}

func sinkOffset(o kadm.OffsetResponse) rest.OffsetEntry {
	topic, _ := json.Marshal(o.Topic) // a text always marshals
	return rest.OffsetEntry{
		Partition: json.RawMessage(`{"kafka_partition":` + strconv.Itoa(int(o.Partition)) + `,"kafka_topic":` + string(topic) + `}`),
		Offset:    json.RawMessage(`{"kafka_offset":` + strconv.FormatInt(o.At, 10) + `}`),
	}
}

// ConnectorType is "source", "sink" or "unknown".
func (f *facade) ConnectorType(class string) string {
	if _, err := f.p.reg.Sources.Lookup(class, ""); err == nil {
		return "source"
	}
	if _, err := f.p.reg.Sinks.Lookup(class, ""); err == nil {
		return "sink"
	}
	return "unknown"
}

func list[T any](out []rest.PluginInfo, kind string, ps []connect.Plugin[T]) []rest.PluginInfo {
	for _, p := range ps {
		out = append(out, rest.PluginInfo{Class: p.Name, Type: kind, Version: p.Version})
	}
	return out
}

// Plugins lists all plugins, kinds in the order of ConnectorPluginsResource.
func (f *facade) Plugins() []rest.PluginInfo {
	r := f.p.reg
	out := list(nil, "sink", r.Sinks.All())
	out = list(out, "source", r.Sources.All())
	out = list(out, "transformation", r.Transforms.All())
	out = list(out, "predicate", r.Predicates.All())
	out = list(out, "converter", r.Converters.All())
	return list(out, "header_converter", r.HeaderConverters.All())
}

func (f *facade) PluginConfig(class, version string) ([]config.Definition, error) {
	defs, found, err := connectorconfig.Definitions(f.p.reg, class, version)
	if bad, ok := errors.AsType[*connectorconfig.BadRequest](err); ok {
		return nil, &cluster.BadRequest{Message: bad.Message}
	}
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, &cluster.NotFound{Message: "Unknown plugin " + class + "."}
	}
	return defs, nil
}

func (f *facade) Validate(ctx context.Context, props config.Props, nulls []string) (rest.Validation, error) {
	res, err := bounded(ctx, "validating a connector config", func(ctx context.Context) (connectorconfig.Result, error) {
		return connectorconfig.ValidateWithNulls(ctx, f.p.reg, f.p.facts, props, nulls)
	})
	if bad, ok := errors.AsType[*connectorconfig.BadRequest](err); ok {
		return rest.Validation{}, &cluster.BadRequest{Message: bad.Message}
	}
	return rest.Validation{Name: res.Name, ErrorCount: res.ErrorCount, Groups: res.Groups, Configs: res.Configs}, err
}

// validateForPut is the herder's check before a connector config is written.
func (p *process) validateForPut(ctx context.Context, props config.Props) error {
	return p.refuse(ctx, props, nil)
}

// refuse answers with the errors of a config.
func (p *process) refuse(ctx context.Context, props config.Props, nulls []string) error {
	res, err := connectorconfig.ValidateWithNulls(ctx, p.reg, p.facts, props, nulls)
	if bad, ok := errors.AsType[*connectorconfig.BadRequest](err); ok {
		if urls, _ := p.elsewhere(bad.Unknown); len(urls) > 0 {
			return p.refuseElsewhere(ctx, urls, bad.Unknown, props)
		}
		return &cluster.BadRequest{Message: bad.Message}
	}
	if err != nil {
		return err
	}
	if m := res.Error(); m != "" {
		return &cluster.BadRequest{Message: m}
	}
	return nil
}

func (f *facade) SetClusterLogger(ctx context.Context, l cluster.LoggerLevel) error {
	return f.do(ctx, core.SetLogger{LoggerLevel: l})
}

func (f *facade) Loggers() rest.Loggers { return loggers{f.p.levels} }

func (f *facade) Health() rest.Health {
	f.p.healthMu.Lock()
	defer f.p.healthMu.Unlock()
	var problem string
	for _, topic := range slices.Sorted(maps.Keys(f.p.problems)) {
		problem = "topic " + topic + ": " + f.p.problems[topic]
	}
	if problem == "" {
		problem = outOfGroup(f.p.herder.Member(), time.Now())
	}
	select {
	case <-f.p.herder.Ready():
		return rest.Health{Problem: problem, Stalled: f.p.worker.Stalled()}
	default:
		return rest.Health{Starting: true, Problem: problem}
	}
}

// healthTimeout is how long a worker may be out of its group and healthy (RestServer.DEFAULT_HEALTH_CHECK_TIMEOUT_MS).
const healthTimeout = 10 * time.Second

// outOfGroup tells what Kafka Connect's worker, which waits for its group to answer a health check, says when it has waited too long.
func outOfGroup(m herder.Member, now time.Time) string {
	if m.Joined || m.Away.IsZero() || now.Sub(m.Away) < healthTimeout {
		return ""
	}
	return "The worker is currently ensuring membership in the cluster, which began at " + m.Away.UTC().Format("2006-01-02T15:04:05.000Z") + "."
}

func (f *facade) KafkaClusterID() string {
	f.p.healthMu.Lock()
	defer f.p.healthMu.Unlock()
	return f.p.clusterID
}

func ownHost() string {
	if h, err := os.Hostname(); err == nil {
		return h
	}
	return "localhost"
}

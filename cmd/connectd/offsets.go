package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
)

// Changing offsets (KIP-875; org.apache.kafka.connect.runtime.Worker.modifyConnectorOffsets). Only the leader does it, so that two
// requests never cross; the connector is wanted STOPPED, which the caller has checked.

var _ rest.OffsetsWriter = (*facade)(nil)

// AlterOffsets sets single offsets, a nil one is removed.
func (f *facade) AlterOffsets(ctx context.Context, name string, entries []rest.OffsetEntry, dry bool) (rest.OffsetsChange, error) {
	plan, err := f.stoppedAndFenced(ctx, name, dry)
	if err != nil {
		return rest.OffsetsChange{}, err
	}
	if plan.Sink != nil {
		to, err := sinkOffsets(entries)
		if err != nil {
			return rest.OffsetsChange{}, err
		}
		return f.alterGroup(ctx, name, plan, to, dry)
	}
	changes := make([]connect.OffsetChange, len(entries))
	for i, e := range entries {
		if e.Partition == nil {
			return rest.OffsetsChange{}, &cluster.BadRequest{Message: "Partition objects cannot be null"}
		}
		changes[i] = connect.OffsetChange{Partition: e.Partition, Offset: e.Offset}
	}
	offsets, err := f.p.openOffsets(name, plan)
	if err != nil {
		return rest.OffsetsChange{}, err
	}
	defer offsets.Close()
	return f.alterSource(ctx, name, plan, offsets, changes, "altered", dry)
}

// ResetOffsets removes all offsets.
func (f *facade) ResetOffsets(ctx context.Context, name string, dry bool) (rest.OffsetsChange, error) {
	plan, err := f.stoppedAndFenced(ctx, name, dry)
	if err != nil {
		return rest.OffsetsChange{}, err
	}
	if plan.Sink != nil {
		return f.resetGroup(ctx, name, plan, dry)
	}
	offsets, err := f.p.openOffsets(name, plan)
	if err != nil {
		return rest.OffsetsChange{}, err
	}
	defer offsets.Close()
	entries, err := offsets.list(ctx)
	if err != nil {
		return rest.OffsetsChange{}, err
	}
	changes := make([]connect.OffsetChange, len(entries))
	for i, e := range entries {
		changes[i] = connect.OffsetChange{Partition: e.Partition}
	}
	return f.alterSource(ctx, name, plan, offsets, changes, "reset", dry)
}

// stopped reads the connector's plan on the leader, once no task of it runs any more.
func (f *facade) stopped(ctx context.Context, name string) (*connectorconfig.Plan, error) {
	m := f.p.herder.Member()
	switch {
	case !m.Joined:
		return nil, cluster.ErrRebalancing
	case !m.Leader:
		return nil, &cluster.NotLeader{URL: m.LeaderURL}
	}
	c := f.p.config.Snapshot().Connectors[name]
	if c == nil {
		return nil, &cluster.NotFound{Message: "Connector " + name + " not found"}
	}
	if err := f.tasksGone(ctx, name); err != nil {
		return nil, err
	}
	return f.p.plan(ctx, c.Config)
}

// plan reads a connector config, whose secrets are not resolved yet.
func (p *process) plan(ctx context.Context, props config.Props) (*connectorconfig.Plan, error) {
	resolved, err := p.facts.Resolve(ctx, props)
	if err != nil {
		return nil, err
	}
	return connectorconfig.NewPlan(p.reg, p.facts, resolved)
}

// tasksGone waits a while for the tasks' last statuses: they stop in their own time after the connector was stopped, and would commit
// over the change.
func (f *facade) tasksGone(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, f.p.cfg.TaskShutdownTimeout+time.Second)
	defer cancel()
	for {
		live := false
		for _, s := range f.p.status.Tasks(name) {
			live = live || s.State == cluster.Running || s.State == cluster.PausedSeen
		}
		if !live {
			return nil
		}
		select {
		case <-ctx.Done():
			return &cluster.BadRequest{Message: "The tasks of connector " + name + " have not stopped yet; try again in a moment"}
		case <-time.After(50 * time.Millisecond): // the status topic offers nothing to wait on
		}
	}
}

func (f *facade) alterSource(ctx context.Context, name string, plan *connectorconfig.Plan, offsets *sourceOffsets, changes []connect.OffsetChange, done string, dry bool) (rest.OffsetsChange, error) {
	complete := false
	if a, ok := plan.Source.New().(connect.SourceOffsetAlterer); ok {
		var err error
		complete, err = bounded(ctx, asking(name), func(ctx context.Context) (bool, error) { return a.AlterOffsets(ctx, plan.Config, changes) })
		if err != nil {
			return rest.OffsetsChange{}, refused(name, err)
		}
	}
	entries := make([]cluster.SourceOffset, len(changes))
	for i, c := range changes {
		entries[i] = cluster.SourceOffset{Partition: compact(c.Partition), Offset: compact(c.Offset)}
	}
	if dry {
		diffs, err := sourceDiffs(ctx, offsets, entries)
		return rest.OffsetsChange{Changes: diffs}, err
	}
	if len(entries) == 0 {
		return rest.OffsetsChange{Message: message(done, complete)}, nil
	}
	if err := f.p.changeOffsets(ctx, name, plan, offsets, entries); err != nil {
		return rest.OffsetsChange{}, fmt.Errorf("writing offsets of connector %s: %w", name, err)
	}
	return rest.OffsetsChange{Message: message(done, complete)}, nil
}

// sourceDiffs tells what writing the entries would change. Of a partition that comes twice the last offset counts.
func sourceDiffs(ctx context.Context, offsets *sourceOffsets, entries []cluster.SourceOffset) ([]rest.OffsetDiff, error) {
	stored, err := offsets.list(ctx)
	if err != nil {
		return nil, err
	}
	from := map[string]json.RawMessage{}
	for _, s := range stored {
		from[sameText(s.Partition)] = s.Offset
	}
	at := map[string]int{}
	var out []rest.OffsetDiff
	for _, e := range entries {
		key := sameText(e.Partition)
		i, again := at[key]
		if !again {
			i = len(out)
			at[key] = i
			out = append(out, rest.OffsetDiff{Partition: e.Partition, From: from[key]})
		}
		out[i].To = e.Offset
	}
	return out, nil
}

// sameText is the same for documents that differ in spaces and the order of keys.
func sameText(doc []byte) string {
	var v map[string]any
	if decode(doc, &v) != nil {
		return string(doc)
	}
	text, err := json.Marshal(v) // keys are sorted
	if err != nil {
		return string(doc)
	}
	return string(text)
}

// groupDiffs tells what changing a group's offsets would change.
func (f *facade) groupDiffs(ctx context.Context, group string, to map[connect.TopicPartition]*int64) ([]rest.OffsetDiff, error) {
	stored, err := f.p.admin.FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, fmt.Errorf("reading the offsets of consumer group %s: %w", group, err)
	}
	var out []rest.OffsetDiff
	for tp, offset := range to {
		entry := func(at int64) rest.OffsetEntry {
			return sinkOffset(kadm.OffsetResponse{Offset: kadm.Offset{Topic: tp.Topic, Partition: tp.Partition, At: at}})
		}
		d := rest.OffsetDiff{Partition: entry(0).Partition}
		if o, ok := stored.Lookup(tp.Topic, tp.Partition); ok && o.At >= 0 {
			d.From = entry(o.At).Offset
		}
		if offset != nil {
			d.To = entry(*offset).Offset
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b rest.OffsetDiff) int { return bytes.Compare(a.Partition, b.Partition) })
	return out, nil
}

// compact takes the white space out of a document: the offset topic has none.
func compact(doc json.RawMessage) []byte {
	if doc == nil {
		return nil
	}
	var b bytes.Buffer
	if json.Compact(&b, doc) != nil {
		return doc
	}
	return b.Bytes()
}

func message(done string, complete bool) string {
	if complete {
		return "The offsets for this connector have been " + done + " successfully"
	}
	return "The Connect framework-managed offsets for this connector have been " + done + " successfully. However, if this connector manages " +
		"offsets externally, they will need to be manually " + done + " in the system that the connector uses."
}

func groupOf(name string, plan *connectorconfig.Plan) string {
	if g := plan.Clients.Consumer["group.id"]; g != "" {
		return g
	}
	return "connect-" + name
}

func askSink(ctx context.Context, plan *connectorconfig.Plan, to map[connect.TopicPartition]*int64) (bool, error) {
	a, ok := plan.Sink.New().(connect.SinkOffsetAlterer)
	if !ok {
		return false, nil
	}
	return bounded(ctx, asking(plan.Name), func(ctx context.Context) (bool, error) { return a.AlterOffsets(ctx, plan.Config, to) })
}

func asking(name string) string { return "asking connector " + name + " about the offsets" }

// refused is the answer when a connector does not take offsets, or does not answer.
func refused(name string, err error) error {
	if late, ok := errors.AsType[*cluster.TimedOut](err); ok {
		return late
	}
	return &cluster.BadRequest{Message: "Connector " + name + " refuses these offsets: " + err.Error()}
}

func (f *facade) alterGroup(ctx context.Context, name string, plan *connectorconfig.Plan, to map[connect.TopicPartition]*int64, dry bool) (rest.OffsetsChange, error) {
	complete, err := askSink(ctx, plan, to)
	if err != nil {
		return rest.OffsetsChange{}, refused(name, err)
	}
	var set kadm.Offsets
	var unset kadm.TopicsSet
	for tp, o := range to {
		if o == nil {
			unset.Add(tp.Topic, tp.Partition)
		} else {
			set.AddOffset(tp.Topic, tp.Partition, *o, -1)
		}
	}
	group := groupOf(name, plan)
	if err := f.partitionsExist(ctx, to); err != nil {
		return rest.OffsetsChange{}, err
	}
	if dry {
		diffs, err := f.groupDiffs(ctx, group, to)
		return rest.OffsetsChange{Changes: diffs}, err
	}
	if len(set) > 0 {
		err := whenEmpty(ctx, func() error {
			res, err := f.p.admin.CommitOffsets(ctx, group, set)
			return errors.Join(err, res.Error())
		})
		if err != nil {
			return rest.OffsetsChange{}, groupError("alter", name, err)
		}
	}
	if len(unset) > 0 {
		err := whenEmpty(ctx, func() error {
			res, err := f.p.admin.DeleteOffsets(ctx, group, unset)
			return errors.Join(err, res.Error())
		})
		if err != nil {
			return rest.OffsetsChange{}, groupError("alter", name, err)
		}
	}
	return rest.OffsetsChange{Message: message("altered", complete)}, nil
}

// partitionsExist refuses offsets of topics and partitions that there are not; Kafka would refuse them one by one, half done.
func (f *facade) partitionsExist(ctx context.Context, to map[connect.TopicPartition]*int64) error {
	var topics []string
	for tp, o := range to {
		if o != nil && !slices.Contains(topics, tp.Topic) {
			topics = append(topics, tp.Topic)
		}
	}
	if len(topics) == 0 {
		return nil
	}
	have, err := f.p.admin.ListTopics(ctx, topics...)
	if err != nil {
		return fmt.Errorf("looking up the topics of the offsets: %w", err)
	}
	for tp, o := range to {
		if _, ok := have[tp.Topic].Partitions[tp.Partition]; !ok && o != nil {
			return &cluster.BadRequest{Message: fmt.Sprintf("There is no partition %d of topic %s", tp.Partition, tp.Topic)}
		}
	}
	return nil
}

func (f *facade) resetGroup(ctx context.Context, name string, plan *connectorconfig.Plan, dry bool) (rest.OffsetsChange, error) {
	group := groupOf(name, plan)
	to := map[connect.TopicPartition]*int64{}
	stored, err := f.p.admin.FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return rest.OffsetsChange{}, groupError("reset", name, err)
	}
	stored.Each(func(o kadm.OffsetResponse) { to[connect.TopicPartition{Topic: o.Topic, Partition: o.Partition}] = nil })
	complete, err := askSink(ctx, plan, to)
	if err != nil {
		return rest.OffsetsChange{}, refused(name, err)
	}
	if dry {
		diffs, err := f.groupDiffs(ctx, group, to)
		return rest.OffsetsChange{Changes: diffs}, err
	}
	err = whenEmpty(ctx, func() error {
		_, err := f.p.admin.DeleteGroup(ctx, group)
		return err
	})
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return rest.OffsetsChange{}, groupError("reset", name, err)
	}
	return rest.OffsetsChange{Message: message("reset", complete)}, nil
}

// whenEmpty repeats what Kafka refuses while the consumers of the stopped tasks are still leaving their group, for a few seconds.
func whenEmpty(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		err := do()
		if !errors.Is(err, kerr.UnknownMemberID) && !errors.Is(err, kerr.NonEmptyGroup) && !errors.Is(err, kerr.RebalanceInProgress) &&
			!errors.Is(err, kerr.GroupSubscribedToTopic) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond): // a group offers nothing to wait on
		}
	}
}

func groupError(what, name string, err error) error {
	return fmt.Errorf("Failed to %s consumer group offsets for connector %s either because its tasks haven't stopped completely yet or the "+
		"connector was resumed before the request to %s its offsets could be successfully completed. If the connector is in a stopped state, "+
		"this operation can be safely retried: %w", what, name, what, err)
}

// sinkOffsets reads {"kafka_topic","kafka_partition"} and {"kafka_offset"} (org.apache.kafka.connect.util.SinkUtils).
func sinkOffsets(entries []rest.OffsetEntry) (map[connect.TopicPartition]*int64, error) {
	bad := func(format string, args ...any) error {
		return &cluster.BadRequest{Message: fmt.Sprintf(format, args...)}
	}
	to := map[connect.TopicPartition]*int64{}
	for _, e := range entries {
		var p, o map[string]any
		if decode(e.Partition, &p) != nil || p == nil {
			return nil, bad("The partition for a sink connector offset cannot be null or missing")
		}
		topic, hasTopic := p["kafka_topic"]
		part, hasPart := p["kafka_partition"]
		if !hasTopic || !hasPart {
			return nil, bad("The partition for a sink connector offset must contain the keys 'kafka_topic' and 'kafka_partition'")
		}
		if topic == nil {
			return nil, bad("Kafka topic names must be valid strings and may not be null")
		}
		if part == nil {
			return nil, bad("Kafka partitions must be valid numbers and may not be null")
		}
		n, err := strconv.ParseInt(fmt.Sprint(part), 10, 32)
		if err != nil {
			return nil, bad("Failed to parse the following Kafka partition value in the provided offsets: '%v'. Partition values for sink "+
				"connectors need to be integers.", part)
		}
		tp := connect.TopicPartition{Topic: fmt.Sprint(topic), Partition: int32(n)}
		to[tp] = nil
		if e.Offset == nil {
			continue
		}
		if decode(e.Offset, &o) != nil {
			return nil, bad("The offset for a sink connector should either be null or contain the key 'kafka_offset'")
		}
		value, ok := o["kafka_offset"]
		if !ok {
			return nil, bad("The offset for a sink connector should either be null or contain the key 'kafka_offset'")
		}
		if value == nil {
			value = "null"
		}
		at, err := strconv.ParseInt(fmt.Sprint(value), 10, 64)
		if err == nil && at < 0 {
			return nil, bad("The offset %d of partition %d of topic %s must not be negative", at, tp.Partition, tp.Topic)
		}
		if err != nil {
			return nil, bad("Failed to parse the following Kafka offset value in the provided offsets: '%v'. Offset values for sink "+
				"connectors need to be integers.", value)
		}
		to[tp] = &at
	}
	return to, nil
}

// decode reads JSON with numbers as they are written.
func decode(doc []byte, into *map[string]any) error {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	return d.Decode(into)
}

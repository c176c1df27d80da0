package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/kafka"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/plugin"
	"github.com/connectd/connectd/runtime/secrets"
	"github.com/connectd/connectd/runtime/workerconfig"
)

const dlqUsage = `connectd dlq reads and replays dead letters.

  connectd dlq list   [FLAG…] TOPIC     one line per dead letter
  connectd dlq show   [FLAG…] TOPIC     all of each dead letter, a JSON document a line
  connectd dlq replay [FLAG…] TOPIC     put the records back where they belong; goes on where the last replay ended

`

// dlq is the subcommand of dead letters: connectd dlq list|show|replay.
func dlq(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, dlqUsage)
		return &usageError{errors.New("dlq needs one of list, show, replay")}
	}
	c := &dlqCommand{out: out}
	fs := flag.NewFlagSet("dlq "+args[0], flag.ContinueOnError)
	fs.StringVar(&c.file, "config", "", "worker properties `file`: bootstrap.servers, security, converters")
	fs.StringVar(&c.servers, "bootstrap-server", "", "`host:port` list; instead of bootstrap.servers of --config")
	c.filter.flags(fs)
	switch args[0] {
	case "list", "show":
		fs.Int64Var(&c.limit, "limit", 0, "at most `n` dead letters; 0: all")
	case "replay":
		c.replay.flags(fs)
	case "help", "--help", "-h":
		fmt.Fprint(out, dlqUsage)
		return nil
	default:
		return &usageError{fmt.Errorf("dlq: unknown command %q; use list, show or replay", args[0])}
	}
	if err := fs.Parse(args[1:]); err != nil {
		return &usageError{err}
	}
	if fs.NArg() != 1 {
		return &usageError{fmt.Errorf("dlq %s takes flags, then the name of one topic", args[0])}
	}
	c.topic = fs.Arg(0)
	if err := errors.Join(c.filter.check(), c.replay.check()); err != nil {
		return &usageError{err}
	}
	if err := c.open(ctx); err != nil {
		return err
	}
	defer c.admin.Close()
	switch args[0] {
	case "list":
		return c.list(ctx)
	case "show":
		return c.show(ctx)
	default:
		return c.runReplay(ctx)
	}
}

// dlqCommand is one run of connectd dlq.
type dlqCommand struct {
	out                  io.Writer
	file, servers, topic string
	limit                int64
	filter               letterFilter
	replay               replayFlags

	reg     *plugin.Registry
	worker  config.Props // resolved
	resolve func(context.Context, config.Props) (config.Props, error)
	clients *kafka.Clients
	admin   *kadm.Client
}

// open reads the worker file and makes an admin client.
func (c *dlqCommand) open(ctx context.Context) (err error) {
	if c.reg, err = plugins(); err != nil {
		return err
	}
	props := config.Props{}
	if c.file != "" {
		if props, err = workerconfig.ReadFile(c.file); err != nil {
			return &usageError{err}
		}
	}
	props = workerconfig.Overlay(props, os.Environ())
	if c.servers != "" {
		props["bootstrap.servers"] = c.servers
	}
	res, err := secrets.New(ctx, secrets.Config{Providers: &c.reg.ConfigProviders, Worker: props})
	if err != nil {
		return &usageError{fmt.Errorf("setting up config providers: %w", err)}
	}
	if c.worker, err = res.ResolveProps(ctx, props); err != nil {
		return &usageError{fmt.Errorf("resolving the worker config: %w", err)}
	}
	c.resolve = res.ResolveProps
	c.clients = &kafka.Clients{Worker: c.worker}
	o, err := c.clients.Admin(nil)
	if err != nil {
		return &usageError{fmt.Errorf("%w (use --config or --bootstrap-server)", err)}
	}
	cl, err := kgo.NewClient(o.Opts...)
	if err != nil {
		return &usageError{fmt.Errorf("making the admin client: %w", err)}
	}
	c.admin = kadm.NewClient(cl)
	return nil
}

// span is what a topic partition holds when the command begins: [start, end).
type span struct{ start, end int64 }

func (c *dlqCommand) spans(ctx context.Context) (map[int32]span, error) {
	starts, err := c.admin.ListStartOffsets(ctx, c.topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("reading topic %q: %w", c.topic, err)
	}
	ends, err := c.admin.ListEndOffsets(ctx, c.topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("reading topic %q: %w", c.topic, err)
	}
	out := map[int32]span{}
	ends.Each(func(o kadm.ListedOffset) {
		s, _ := starts.Lookup(o.Topic, o.Partition)
		out[o.Partition] = span{s.Offset, o.Offset}
	})
	return out, nil
}

// read hands the dead letters of the spans that pass the filter to f, until f wants no more.
func (c *dlqCommand) read(ctx context.Context, spans map[int32]span, f func(letter) (more bool, err error)) error {
	offsets := map[int32]kgo.Offset{}
	for p, s := range spans {
		if s.start < s.end && c.filter.partition.allows(int64(p)) {
			offsets[p] = kgo.NewOffset().At(s.start)
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	o, err := c.clients.LogReader(nil)
	if err != nil {
		return &usageError{err}
	}
	// Control records move the position, too: the last offset may be that of one.
	cl, err := kgo.NewClient(append(o.Opts, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.topic: offsets}), kgo.KeepControlRecords())...)
	if err != nil {
		return fmt.Errorf("making the reader: %w", err)
	}
	defer cl.Close()
	for len(offsets) > 0 {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, e := range fetches.Errors() {
			return fmt.Errorf("reading topic %q, partition %d: %w", e.Topic, e.Partition, e.Err)
		}
		for _, r := range fetches.Records() {
			if r.Offset >= spans[r.Partition].end-1 {
				delete(offsets, r.Partition)
			}
			if r.Attrs.IsControl() || r.Offset >= spans[r.Partition].end {
				continue
			}
			if l := letterOf(r); c.filter.matches(l) {
				if more, err := f(l); err != nil || !more {
					return err
				}
			}
		}
	}
	return nil
}

func (c *dlqCommand) list(ctx context.Context) error {
	spans, err := c.spans(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PARTITION\tOFFSET\tTIME\tCONNECTOR\tTASK\tSTAGE\tFROM\tEXCEPTION\tMESSAGE")
	n := int64(0)
	err = c.read(ctx, spans, func(l letter) (bool, error) {
		fmt.Fprintf(w, "%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Partition, l.Offset, l.Timestamp.UTC().Format(time.RFC3339),
			l.context[pipeline.HeaderConnector], l.context[pipeline.HeaderTask], l.context[pipeline.HeaderStage], l.from(),
			short(l.context[pipeline.HeaderException]), oneLine(l.context[pipeline.HeaderMessage], 120))
		n++
		return c.limit <= 0 || n < c.limit, nil
	})
	return errors.Join(err, w.Flush())
}

func (c *dlqCommand) show(ctx context.Context) error {
	spans, err := c.spans(ctx)
	if err != nil {
		return err
	}
	n := int64(0)
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false)
	return c.read(ctx, spans, func(l letter) (bool, error) {
		n++
		return c.limit <= 0 || n < c.limit, enc.Encode(l.document())
	})
}

// letter is one dead letter: its context headers, by their names without the prefix, and the headers of the record.
type letter struct {
	*kgo.Record
	context map[string]string
	own     []kgo.RecordHeader
}

func letterOf(r *kgo.Record) letter {
	l := letter{Record: r, context: map[string]string{}}
	for _, h := range r.Headers {
		if name, ok := strings.CutPrefix(h.Key, pipeline.HeaderPrefix); ok {
			l.context[name] = string(h.Value)
		} else {
			l.own = append(l.own, h)
		}
	}
	return l
}

func (l letter) at() string {
	return fmt.Sprintf("dead letter %s partition %d offset %d", l.Topic, l.Partition, l.Offset)
}

// from says where the record was read.
func (l letter) from() string {
	if t, ok := l.context[pipeline.HeaderTopic]; ok {
		return t + "-" + l.context[pipeline.HeaderPartition] + "@" + l.context[pipeline.HeaderOffset]
	}
	return l.context[pipeline.HeaderSourcePartition] + "@" + l.context[pipeline.HeaderSourceOffset]
}

// letterDocument is what show prints.
type letterDocument struct {
	Partition int32             `json:"partition"`
	Offset    int64             `json:"offset"`
	Timestamp string            `json:"timestamp"`
	Context   map[string]string `json:"context"`
	Headers   []headerDocument  `json:"headers"`
	Key       any               `json:"key"`
	Value     any               `json:"value"`
}

type headerDocument struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

func (l letter) document() letterDocument {
	d := letterDocument{Partition: l.Partition, Offset: l.Offset, Timestamp: l.Timestamp.UTC().Format(time.RFC3339Nano),
		Context: l.context, Headers: []headerDocument{}, Key: readable(l.Key), Value: readable(l.Value)}
	for _, h := range l.own {
		d.Headers = append(d.Headers, headerDocument{h.Key, readable(h.Value)})
	}
	return d
}

// readable shows bytes as JSON if they are that, as text if they are UTF-8, else as {"base64": …}.
func readable(b []byte) any {
	switch {
	case b == nil:
		return nil
	case json.Valid(b):
		return json.RawMessage(b)
	case utf8.Valid(b):
		return string(b)
	default:
		return struct {
			Base64 []byte `json:"base64"`
		}{b}
	}
}

func short(class string) string { return class[strings.LastIndexByte(class, '.')+1:] }

func oneLine(s string, most int) string {
	s, _, _ = strings.Cut(s, "\n")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// letterFilter chooses dead letters; the zero filter takes all.
type letterFilter struct {
	connector, stage, exception string
	partition                   only
	from, to                    int64
	since, until                string
	sinceAt, untilAt            time.Time
}

// only is a number that is wanted, or any.
type only struct {
	set bool
	n   int64
}

func (o *only) String() string { return "" }
func (o *only) Set(s string) (err error) {
	o.set = true
	o.n, err = strconv.ParseInt(s, 10, 32)
	return err
}
func (o only) allows(n int64) bool { return !o.set || o.n == n }

func (f *letterFilter) flags(fs *flag.FlagSet) {
	fs.StringVar(&f.connector, "connector", "", "only those of the connector `name`")
	fs.StringVar(&f.stage, "stage", "", "only those of the `stage`, e.g. VALUE_CONVERTER")
	fs.StringVar(&f.exception, "exception", "", "only those whose exception class has this `text` in it")
	fs.Var(&f.partition, "partition", "only the dead-letter topic's partition `n`")
	fs.Int64Var(&f.from, "from-offset", 0, "only from the `offset` of the dead-letter topic on")
	fs.Int64Var(&f.to, "to-offset", -1, "only up to and with the `offset` of the dead-letter topic")
	fs.StringVar(&f.since, "since", "", "only those whose record has this `time` or a later one (RFC 3339)")
	fs.StringVar(&f.until, "until", "", "only those whose record is from before this `time` (RFC 3339)")
}

func (f *letterFilter) check() error {
	for _, c := range []struct {
		flag, text string
		into       *time.Time
	}{{"--since", f.since, &f.sinceAt}, {"--until", f.until, &f.untilAt}} {
		if c.text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, c.text)
		if err != nil {
			return fmt.Errorf("%s: %q is no time like 2026-11-22T10:00:00Z", c.flag, c.text)
		}
		*c.into = at
	}
	return nil
}

func (f *letterFilter) matches(l letter) bool {
	return (f.connector == "" || l.context[pipeline.HeaderConnector] == f.connector) &&
		(f.stage == "" || strings.EqualFold(l.context[pipeline.HeaderStage], f.stage)) &&
		(f.exception == "" || strings.Contains(l.context[pipeline.HeaderException], f.exception)) &&
		f.partition.allows(int64(l.Partition)) && l.Offset >= f.from && (f.to < 0 || l.Offset <= f.to) &&
		(f.sinceAt.IsZero() || !l.Timestamp.Before(f.sinceAt)) && (f.untilAt.IsZero() || l.Timestamp.Before(f.untilAt))
}

// text is the filter in a form that is equal for equal filters; empty for one that takes all.
func (f *letterFilter) text() string {
	var b strings.Builder
	add := func(k, v string) {
		if v != "" {
			fmt.Fprintf(&b, "%s=%q ", k, v)
		}
	}
	add("connector", f.connector)
	add("stage", strings.ToUpper(f.stage))
	add("exception", f.exception)
	if f.partition.set {
		add("partition", strconv.FormatInt(f.partition.n, 10))
	}
	if f.from > 0 {
		add("from", strconv.FormatInt(f.from, 10))
	}
	if f.to >= 0 {
		add("to", strconv.FormatInt(f.to, 10))
	}
	add("since", f.since)
	add("until", f.until)
	return b.String()
}

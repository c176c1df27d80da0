package cdc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
)

// signalRecord is one signal, from whatever channel.
type signalRecord struct {
	ID   string
	Type string
	Data json.RawMessage // an object, or empty
}

// inbox holds signals until the stream is between two transactions. Any goroutine.
type inbox struct {
	mu   sync.Mutex
	list []signalRecord
}

func (b *inbox) put(s signalRecord) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = append(b.list, s)
}

func (b *inbox) take() []signalRecord {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.list
	b.list = nil
	return out
}

// snapshotRequest is the data of execute-snapshot, stop-snapshot and their like.
type snapshotRequest struct {
	Type       string   `json:"type"`
	Tables     []string `json:"data-collections"`
	Conditions []filter `json:"additional-conditions"`
	Surrogate  string   `json:"surrogate-key"`
	id         string
	until      time.Time // a blocking snapshot that must wait for the stream is given up then
}

type filter struct {
	Table  string `json:"data-collection"`
	Filter string `json:"filter"`
}

// errBlocking ends the stream for a blocking snapshot.
var errBlocking = errors.New("a blocking snapshot is to be taken")

// signals carries out what came. Between two transactions.
func (r *reader) signals(ctx context.Context) error {
	for _, sig := range r.inbox.take() {
		if err := r.signal(ctx, sig); err != nil {
			return err
		}
	}
	if r.blocking != nil && !r.w.now().Before(r.blockingFrom) {
		return errBlocking
	}
	return nil
}

// signal carries out one signal. What is wrong with it is logged; the error is that of the stream.
func (r *reader) signal(ctx context.Context, sig signalRecord) error {
	refuse := func(format string, args ...any) {
		r.log.Warn("passing over a signal", "id", sig.ID, "type", sig.Type, "reason", fmt.Sprintf(format, args...))
	}
	var req snapshotRequest
	parse := func(into any) bool {
		if len(sig.Data) == 0 {
			return true
		}
		if err := json.Unmarshal(sig.Data, into); err != nil {
			refuse("its data cannot be read: %v", err)
			return false
		}
		return true
	}
	switch sig.Type {
	case "execute-snapshot":
		if !parse(&req) {
			return nil
		}
		req.id = sig.ID
		switch kind := strings.ToLower(req.Type); {
		case len(req.Tables) == 0:
			refuse("data-collections is missing or empty")
		case kind == "" || kind == "incremental":
			return r.inc.ask(ctx, &req, refuse)
		case kind == "blocking":
			req.until = r.w.now().Add(time.Minute)
			r.blocking, r.blockingFrom = &req, time.Time{}
		default:
			refuse("type %q is neither incremental nor blocking", req.Type)
		}
	case "stop-snapshot":
		if parse(&req) && (req.Type == "" || strings.EqualFold(req.Type, "incremental")) {
			return r.inc.stop(ctx, req.Tables, refuse)
		}
	case "pause-snapshot":
		return r.inc.pause(ctx)
	case "resume-snapshot":
		return r.inc.resume(ctx)
	case "log":
		var m struct{ Message string }
		if parse(&m) {
			if m.Message == "" {
				refuse("message is missing")
				return nil
			}
			r.log.Info("log signal", "id", sig.ID, "message", strings.Replace(m.Message, "{}", string(r.cur.offset().AppendJSON(nil)), 1))
		}
	case "schema-changes":
		return r.signalledDDL(ctx, sig, refuse)
	case "snapshot-window-open", "snapshot-window-close":
	default:
		refuse("its type is not known")
	}
	return nil
}

// expand finds the tables that patterns name, in order.
func (r *reader) expand(exprs []string, refuse func(string, ...any)) (out []history.TableID) {
	out, _ = r.expandAll(exprs, refuse)
	return out
}

// expandAll returns what matches no captured table, too: unknown is taken for the names of tables, as Debezium does.
func (r *reader) expandAll(exprs []string, refuse func(string, ...any)) (out, unknown []history.TableID) {
	for _, expr := range exprs {
		re, err := anchored(expr)
		if err != nil {
			refuse("%v", err)
			continue
		}
		found := false
		for _, t := range r.model.Tables() {
			if !re.MatchString(t.ID.String()) && !re.MatchString(t.ID.Quoted()) || !r.set.filters.table(t.ID) {
				continue
			}
			found = true
			if !slices.Contains(out, t.ID) {
				out = append(out, t.ID)
			}
		}
		if !found {
			refuse("no captured table matches %s", expr)
			if db, name, ok := strings.Cut(expr, "."); ok {
				unknown = append(unknown, history.TableID{DB: db, Name: name})
			}
		}
	}
	return out, unknown
}

// condition is the filter for a table; empty: none.
func (q *snapshotRequest) condition(id history.TableID) string {
	for _, c := range q.Conditions {
		if re, err := anchored(c.Table); err == nil && re.MatchString(id.String()) {
			return strings.TrimSpace(c.Filter)
		}
	}
	return ""
}

// ask adds tables to the incremental snapshot.
func (s *incremental) ask(ctx context.Context, req *snapshotRequest, refuse func(string, ...any)) error {
	ids, unknown := s.r.expandAll(req.Tables, refuse)
	if ids = append(ids, unknown...); len(ids) == 0 { // an unknown one ends with a notification that says so
		return nil
	}
	running := slices.ContainsFunc(s.jobs, func(j *job) bool { return !j.initial })
	s.signal = req.id
	for _, id := range ids {
		j := &job{id: id, surrogate: strings.TrimSpace(req.Surrogate), signal: req.id}
		if c := req.condition(id); c != "" {
			j.condition = "(" + c + ")"
		}
		s.jobs = append(s.jobs, j)
	}
	s.r.log.Info("incremental snapshot", "signal", req.id, "tables", len(ids))
	s.changed()
	if running {
		return nil
	}
	return s.note(ctx, statusStarted, s.tables())
}

// stop takes tables out of the incremental snapshot; no patterns: all.
func (s *incremental) stop(ctx context.Context, exprs []string, refuse func(string, ...any)) error {
	var res []*regexp.Regexp
	for _, e := range exprs {
		re, err := anchored(e)
		if err != nil {
			refuse("%v", err)
			return nil
		}
		res = append(res, re)
	}
	var stopped []string
	s.jobs = slices.DeleteFunc(s.jobs, func(j *job) bool {
		if j.initial || len(res) > 0 && !slices.ContainsFunc(res, func(re *regexp.Regexp) bool { return re.MatchString(j.id.String()) }) {
			return false
		}
		stopped = append(stopped, j.id.String())
		if s.win != nil && s.win.job == j {
			s.win = nil
		}
		return true
	})
	if len(stopped) == 0 {
		refuse("none of the tables is part of an incremental snapshot")
		return nil
	}
	s.r.log.Info("the incremental snapshot was stopped by a signal", "tables", strings.Join(stopped, ","))
	s.changed()
	return s.note(ctx, statusAborted, note{noteTables, strings.Join(stopped, ",")})
}

func (s *incremental) pause(ctx context.Context) error {
	if s.paused || len(s.jobs) == 0 {
		return nil
	}
	s.paused = true
	s.r.meter.pause(true)
	s.r.log.Info("the incremental snapshot was paused by a signal")
	return s.note(ctx, statusPaused, s.tables())
}

func (s *incremental) resume(ctx context.Context) error {
	if !s.paused {
		return nil
	}
	s.paused = false
	s.r.meter.pause(false)
	s.r.log.Info("the incremental snapshot goes on by a signal")
	return s.note(ctx, statusResumed, s.tables())
}

// signalledDDL changes definitions by hand (SchemaChanges).
func (r *reader) signalledDDL(ctx context.Context, sig signalRecord, refuse func(string, ...any)) error {
	var req struct {
		Database string
		Changes  json.RawMessage
	}
	if err := json.Unmarshal(sig.Data, &req); err != nil || req.Database == "" || len(req.Changes) == 0 {
		refuse("database or changes is missing: %v", err)
		return nil
	}
	server, err := json.Marshal(map[string]string{"server": r.set.prefix})
	if err != nil {
		return err
	}
	database, err := json.Marshal(req.Database)
	if err != nil {
		return err
	}
	doc := `{"source":` + string(server) + `,"position":{"file":"x","pos":1},"databaseName":` + string(database) + `,"ddl":"","tableChanges":` + string(req.Changes) + `}`
	d, err := history.ParseDocument([]byte(doc))
	if err != nil {
		refuse("its changes cannot be read: %v", err)
		return nil
	}
	for i := range d.Changes {
		ch := &d.Changes[i]
		ch.DB = req.Database
		switch {
		case ch.Type == history.Drop:
			r.model.Remove(ch.ID)
		case ch.Table != nil:
			r.model.Put(ch.Table)
		}
		r.log.Info("definition changed by a signal", "signal", sig.ID, "table", ch.ID.String())
	}
	r.version++
	r.inc.ddl(d.Changes)
	if err := r.record(ctx, r.cur.offset().history(), d.Changes...); err != nil {
		return err
	}
	return r.announce(ctx, d.Changes, r.cur.last(), r.cur.offset())
}

// signalRow takes a row of the signal table: its first three columns are id, type and data.
func (r *reader) signalRow(m *tableMap, before, after row.Row) {
	text := func(rw row.Row, i int) string {
		v, ok := m.info.codec.Column(rw, i)
		if !ok || v.IsNull() {
			return ""
		}
		return strings.Clone(v.String())
	}
	if after.Value == nil { // insert_delete: the open row is gone
		r.inc.signalRow(text(before, 0))
		return
	}
	if before.Value != nil {
		return
	}
	id, kind := text(after, 0), text(after, 1)
	if strings.HasPrefix(kind, "snapshot-window-") {
		r.inc.signalRow(id)
		return
	}
	if r.set.signals.source {
		r.inbox.put(signalRecord{ID: id, Type: kind, Data: json.RawMessage(text(after, 2))})
	}
}

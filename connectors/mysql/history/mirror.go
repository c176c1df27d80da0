package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"time"

	"github.com/connectd/connectd/connect"
)

// mirror keeps the tables as a compacted topic beside the history, so that a start need not read all that ever happened. Its rules, and
// why they hold, are in the package comment. One goroutine.
type mirror struct {
	topic    connect.TopicLog
	offsets  connect.TopicOffsets // topic's
	history  connect.TopicOffsets
	store    *Store // folds documents
	server   string
	settings string // what folding depends on
	log      *slog.Logger

	loaded  bool              // written, sum and header are known
	header  *mirrorHeader     // as read; nil: there was none that fits the records
	stored  *Model            // as read, if header is set
	written map[string]uint64 // key → hash of its record
	sum     uint64

	// The fold of the documents from base up to upto. model is nil until it is known: Recover and Restart make it.
	model  *Model
	base   int64
	upto   int64
	last   string
	bounds bounds

	documents int  // of this server among them
	hold      bool // the topic is not written
}

// mirrorTimeout is how long the mirror may hold up a statement; then the run goes on without.
const mirrorTimeout = 30 * time.Second

// errMirror wraps what ends the use of the mirror: never the task.
var errMirror = errors.New("the copy of the tables cannot be used")

func newMirror(s *Store) *mirror {
	topic, ok1 := s.cfg.Tables.(connect.TopicOffsets)
	history, ok2 := s.cfg.Log.(connect.TopicOffsets)
	if !ok1 || !ok2 || s.cfg.PreferDDL {
		return nil
	}
	log := s.cfg.Logger
	return &mirror{topic: s.cfg.Tables, offsets: topic, history: history, store: s, server: s.cfg.Server, log: log,
		settings: foldSettings(s.cfg.LowerCaseTableNames, s.cfg.DDLFilter)}
}

func foldSettings(lowerCase int, filters []*regexp.Regexp) string {
	text := []byte(strconv.Itoa(lowerCase))
	for _, re := range filters {
		text = append(append(text, 0), re.String()...)
	}
	return fingerprint(text)
}

// load reads the topic. What is there but does not fit together is no error: header stays nil, and the records are written anew.
func (m *mirror) load(ctx context.Context) error {
	if m.loaded {
		return nil
	}
	m.header, m.stored = nil, nil
	values := map[string][]byte{}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stuck := time.AfterFunc(mirrorTimeout, cancel)
	defer stuck.Stop()
	err := m.topic.ReadToEnd(ctx, func(key, value []byte) error {
		stuck.Reset(mirrorTimeout)
		if !m.owns(key) {
			return nil
		}
		if value == nil {
			delete(values, string(key))
		} else {
			values[string(key)] = append([]byte(nil), value...)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%w: %w", errMirror, err)
	}
	head := values[string(headerKey(m.server))]
	delete(values, string(headerKey(m.server)))
	m.written, m.sum = make(map[string]uint64, len(values)), 0
	for key, value := range values {
		h := hashRecord([]byte(key), value)
		m.written[key] = h
		m.sum += h
	}
	m.loaded = true
	var h mirrorHeader
	if json.Unmarshal(head, &h) != nil || h.Version != mirrorVersion || h.Settings != m.settings || h.Records != len(m.written) ||
		h.Sum != strconv.FormatUint(m.sum, 16) || h.Upto <= h.Base || h.Last == "" || h.Documents == 0 {
		return nil
	}
	stored, err := m.parse(values)
	if err != nil {
		m.log.Warn("the copy of the tables cannot be read and is written anew", "error", err)
		return nil
	}
	stored.server = h.Charset
	m.header, m.stored = &h, stored
	return nil
}

// owns tells whether a record is of this server; a topic may be shared, and what cannot be read is somebody else's.
func (m *mirror) owns(key []byte) bool {
	var k mirrorKey
	return json.Unmarshal(key, &k) == nil && k.Server == m.server
}

func (m *mirror) parse(values map[string][]byte) (*Model, error) {
	model := NewModel(m.store.cfg.LowerCaseTableNames)
	for key, value := range values {
		var k mirrorKey
		if err := json.Unmarshal([]byte(key), &k); err != nil {
			return nil, err
		}
		if k.Table != nil {
			t, err := parseTableValue(value)
			if err != nil {
				return nil, fmt.Errorf("record %s: %w", key, err)
			}
			model.Put(t)
			continue
		}
		var c mirrorCharset
		if err := json.Unmarshal(value, &c); err != nil || k.DB == nil {
			return nil, fmt.Errorf("record %s is not known: %w", key, err)
		}
		model.SetDatabaseCharset(*k.DB, c.Charset)
	}
	return model, nil
}

// take makes a model, the fold of [base, upto), the mirror's; bounds are those of its documents.
func (m *mirror) take(model *Model, base, upto int64, last string, b bounds) {
	model.track()
	m.model, m.base, m.upto, m.last, m.bounds, m.documents = model, base, upto, last, b, 0
}

// fold adds a document of the server.
func (m *mirror) fold(d *Document) error {
	m.documents++
	var ok bool
	if m.bounds, ok = m.bounds.with(d.Position); !ok {
		return fmt.Errorf("%w: its documents come from too many servers", errMirror)
	}
	return m.store.apply(m.model, d)
}

// recorded adds documents that were just written, from the offset first to last.
func (m *mirror) recorded(ctx context.Context, docs []Document, texts []connect.LogRecord, first, last int64) error {
	if err := m.load(ctx); err != nil {
		return err
	}
	if m.model == nil {
		m.take(NewModel(m.store.cfg.LowerCaseTableNames), -1, -1, "", nil)
		m.touchAll()
	}
	if m.base < 0 {
		m.base, m.upto = first, first
	}
	if first != m.upto || last-first+1 != int64(len(docs)) { // somebody else writes, too
		return m.catchUp(ctx)
	}
	for i := range docs {
		d := docs[i]
		d.Changes = asDocumented(d.Changes)
		if err := m.fold(&d); err != nil {
			return err
		}
	}
	m.upto, m.last = last+1, fingerprint(texts[len(texts)-1].Value)
	return m.write(ctx)
}

// asDocumented are changes as the document tells them, which knows no keys but the primary one.
func asDocumented(changes []Change) []Change {
	out := make([]Change, len(changes))
	copy(out, changes)
	for i := range out {
		if t := out[i].Table; t != nil {
			c := *t
			c.keys, c.hasKeys = nil, false
			out[i].Table = &c
		}
	}
	return out
}

// catchUp folds what is in the history from upto on.
func (m *mirror) catchUp(ctx context.Context) error {
	err := m.history.ReadFrom(ctx, m.upto, func(offset int64, _, value []byte) error {
		if offset != m.upto {
			return fmt.Errorf("%w: documents from offset %d on are gone", errMirror, m.upto)
		}
		if d, err := m.store.parse(value); err != nil {
			return fmt.Errorf("record %d: %w", offset, err)
		} else if d != nil {
			if err := m.fold(d); err != nil {
				return err
			}
		}
		m.upto, m.last = offset+1, fingerprint(value)
		return nil
	})
	if err != nil {
		return err
	}
	return m.write(ctx)
}

// write brings the topic to what the model is: the records that changed, then the header. If it ends in between, the header does not
// fit the records, and a start does without them.
func (m *mirror) write(ctx context.Context) error {
	if m.hold {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, mirrorTimeout)
	defer cancel()
	var out []connect.LogRecord
	put := func(key, value []byte) {
		old, known := m.written[string(key)]
		switch {
		case value == nil && !known:
			return
		case value == nil:
			delete(m.written, string(key))
			m.sum -= old
		default:
			h := hashRecord(key, value)
			if known && h == old {
				return
			}
			m.written[string(key)] = h
			m.sum += h - old
		}
		out = append(out, connect.LogRecord{Key: key, Value: value})
	}
	for id := range m.model.touched.tables {
		m.putTable(put, id)
	}
	for db := range m.model.touched.dbs {
		m.putCharset(put, db)
	}
	h := mirrorHeader{Version: mirrorVersion, Base: m.base, Upto: m.upto, Last: m.last, Settings: m.settings, Charset: m.model.server,
		Documents: m.documents, Records: len(m.written), Sum: strconv.FormatUint(m.sum, 16)}
	for _, p := range m.bounds {
		h.Bounds = append(h.Bounds, p.Position)
	}
	out = append(out, connect.LogRecord{Key: headerKey(m.server), Value: mustJSON(h)})
	if _, _, err := m.offsets.AppendAll(ctx, out); err != nil {
		return fmt.Errorf("%w: %w", errMirror, err)
	}
	m.model.track()
	return nil
}

func (m *mirror) putTable(put func(key, value []byte), id TableID) {
	key := tableKey(m.server, id)
	if t := m.model.at(id); t != nil {
		put(key, tableValue(t))
	} else {
		put(key, nil)
	}
}

func (m *mirror) putCharset(put func(key, value []byte), db string) {
	key := charsetKey(m.server, db)
	if d := m.model.dbs[db]; d != nil && d.charset != "" {
		put(key, mustJSON(mirrorCharset{d.charset}))
	} else {
		put(key, nil)
	}
}

// touchAll makes the next write compare every record: those of the model, and those in the topic, which may be of no table any more.
func (m *mirror) touchAll() {
	t := m.model.touched
	for key, d := range m.model.dbs {
		t.dbs[key] = struct{}{}
		for name := range d.tables {
			t.tables[TableID{key, name}] = struct{}{}
		}
	}
	for key := range m.written {
		var k mirrorKey
		if json.Unmarshal([]byte(key), &k) != nil || k.DB == nil {
			continue
		}
		if k.Table != nil {
			t.tables[TableID{*k.DB, *k.Table}] = struct{}{}
		} else {
			t.dbs[*k.DB] = struct{}{}
		}
	}
}

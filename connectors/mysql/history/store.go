package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/connectd/connectd/connect"
)

// StoreConfig configures a Store.
type StoreConfig struct {
	Log    connect.TopicLog
	Tables connect.TopicLog // the mirror's topic, compacted; nil: none
	Server string           // topic prefix: documents of other servers are ignored
	// LowerCaseTableNames is the server's lower_case_table_names.
	LowerCaseTableNames int
	Parser              *Parser                // nil: NewParser
	PreferDDL           bool                   // schema.history.internal.prefer.ddl: parse the ddl even if table changes are given
	SkipUnparseableDDL  bool                   // schema.history.internal.skip.unparseable.ddl
	DDLFilter           []*regexp.Regexp       // schema.history.internal.ddl.filter: a document whose whole ddl matches one is passed over
	GTIDFilter          func(uuid string) bool // gtid.source.includes/excludes; nil: all
	Now                 func() time.Time       // nil: time.Now
	Logger              *slog.Logger           // nil: slog's default
}

// ErrMissing tells of a topic without a document of this server although an offset says there should be; its text is Debezium's, for
// the caller to wrap.
var ErrMissing = errors.New("the db history topic or its content is fully or partially missing. Please check database schema history " +
	"topic configuration and re-execute the snapshot")

// Store writes and reads the schema history topic. One goroutine.
type Store struct {
	cfg    StoreConfig
	mirror *mirror // nil: there is none, or not any more

	docs  []Document // added and not yet written
	texts []connect.LogRecord
	size  int
	ring  []*Document // the last documents that were applied, newest last
}

const (
	// maxPending is the size of documents, in bytes, that wait for Flush at most.
	maxPending = 1 << 20
	// tailLength is how many of the last documents Recent tells of: a statement has one for each table.
	tailLength = 256
)

// NewStore makes a store; it neither reads nor starts anything. The logs stay the caller's to close.
func NewStore(cfg StoreConfig) *Store {
	if cfg.Parser == nil {
		cfg.Parser = NewParser()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	s := &Store{cfg: cfg}
	if cfg.Tables != nil {
		s.mirror = newMirror(s)
	}
	return s
}

// Record appends one document per change and returns when all are durable. Truncates are not recorded, as in Debezium.
func (s *Store) Record(ctx context.Context, pos Position, changes ...Change) error {
	if err := s.Add(ctx, pos, changes...); err != nil {
		return err
	}
	return s.Flush(ctx)
}

// Add is Record for many changes: they are durable after Flush.
func (s *Store) Add(ctx context.Context, pos Position, changes ...Change) error {
	for i := range changes {
		ch := &changes[i]
		if ch.Type == Truncate {
			continue
		}
		d := Document{Server: s.cfg.Server, Position: pos, TsMs: s.cfg.Now().UnixMilli(), DB: ch.DB, DDL: ch.DDL}
		if ch.InTableChanges() {
			d.Changes = changes[i : i+1]
		}
		text := AppendDocument(nil, &d)
		s.docs = append(s.docs, d)
		s.texts = append(s.texts, connect.LogRecord{Value: text})
		if s.size += len(text); s.size >= maxPending {
			if err := s.Flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// Flush writes what was added, and returns when it is durable.
func (s *Store) Flush(ctx context.Context) error {
	if len(s.docs) == 0 {
		return nil
	}
	docs, texts := s.docs, s.texts
	s.docs, s.texts, s.size = nil, nil, 0
	offsets, ok := s.cfg.Log.(connect.TopicOffsets)
	if !ok {
		for i := range texts {
			if err := s.cfg.Log.Append(ctx, nil, texts[i].Value); err != nil {
				return fmt.Errorf("writing schema history of %s.%s: %w", docs[i].DB, docs[i].DDL, err)
			}
		}
		return nil
	}
	first, last, err := offsets.AppendAll(ctx, texts)
	if err != nil {
		return fmt.Errorf("writing schema history (%d documents): %w", len(docs), err)
	}
	if s.mirror != nil {
		s.keepMirror(s.mirror.recorded(ctx, docs, texts, first, last))
	}
	return nil
}

// keepMirror goes on without the mirror after an error: it costs time at the next start, no more.
func (s *Store) keepMirror(err error) {
	if err != nil {
		s.cfg.Logger.Warn("the copy of the table definitions that makes starts fast is not kept up; the next start reads the whole schema history",
			"error", err)
		s.mirror = nil
	}
}

// Restart forgets what was recovered: a snapshot follows, which records all tables anew.
func (s *Store) Restart(ctx context.Context) {
	s.ring = nil
	if s.mirror == nil {
		return
	}
	if err := s.mirror.load(ctx); err != nil {
		s.keepMirror(err)
		return
	}
	s.mirror.model = nil
}

// Covered is the number by which a later Recover knows that the mirror has all that was recorded before a position: the caller stores it
// with the position. 0: nothing is known, as of a nil Store.
func (s *Store) Covered() int64 {
	if s == nil || s.mirror == nil || s.mirror.model == nil {
		return 0
	}
	return s.mirror.upto
}

// Recent are the last documents that the recovered model includes, without those of snapshots, oldest first.
func (s *Store) Recent() []*Document { return s.ring }

func (s *Store) applied(d *Document) {
	if d.Position.Snapshot != "" {
		return
	}
	if len(s.ring) == tailLength {
		s.ring = append(s.ring[:0], s.ring[1:]...)
	}
	s.ring = append(s.ring, d)
}

// parse reads a record of the topic; nil if it is none of this server.
func (s *Store) parse(value []byte) (*Document, error) {
	if len(value) == 0 {
		return nil, nil
	}
	d, err := ParseDocument(value)
	if err != nil || d.Server != s.cfg.Server {
		return nil, err
	}
	return d, nil
}

// Recovered is the outcome of Recover.
type Recovered struct {
	Model *Model
	// Documents are those of this server in the topic, applied or not. None without an error is a topic without history ([ErrMissing]
	// is for the caller to return then, or not, by snapshot.mode), unless FromMirror.
	Documents  int
	FromMirror bool // the documents that the mirror covers were not read
}

// Recover returns the model as of pos: documents of this server at or before it, by their table changes, else by their ddl. covered is
// what Covered was when pos was stored.
func (s *Store) Recover(ctx context.Context, pos Position, covered int64) (Recovered, error) {
	s.ring = nil
	stop := stopAt(pos, s.cfg.GTIDFilter)
	if s.mirror != nil {
		s.mirror.loaded = false
		out, ok, err := s.recoverMirror(ctx, stop, covered)
		if err != nil && !errors.Is(err, errMirror) {
			return Recovered{}, fmt.Errorf("recovering schema history: %w", err)
		}
		s.keepMirror(err)
		if ok && err == nil {
			return out, nil
		}
		s.ring = nil
	}
	out, err := s.recoverAll(ctx, stop)
	if err != nil {
		return Recovered{}, fmt.Errorf("recovering schema history: %w", err)
	}
	return out, nil
}

// recoverAll reads the whole topic.
func (s *Store) recoverAll(ctx context.Context, stop *stopPoint) (Recovered, error) {
	out := Recovered{Model: NewModel(s.cfg.LowerCaseTableNames)}
	f := &folding{s: s, stop: stop, out: &out}
	if err := s.readAll(ctx, f.document); err != nil {
		return out, err
	}
	if m := s.mirror; m != nil {
		m.take(f.all(), f.first, f.next, f.last, f.bounds)
		m.documents = out.Documents
		m.touchAll()
		if f.spoilt || f.next == 0 {
			m.model = nil
			return out, nil
		}
		s.keepMirror(m.write(ctx))
	}
	return out, nil
}

// readAll calls f with the offset of each record, or its number if offsets are not known.
func (s *Store) readAll(ctx context.Context, f func(offset int64, value []byte) error) error {
	if offsets, ok := s.cfg.Log.(connect.TopicOffsets); ok {
		return offsets.ReadFrom(ctx, 0, func(offset int64, _, value []byte) error { return f(offset, value) })
	}
	n := int64(-1)
	return s.cfg.Log.ReadToEnd(ctx, func(_, value []byte) error {
		n++
		return f(n, value)
	})
}

// folding is the work on a series of documents: those up to the stop point make the model, all of them make the mirror's.
type folding struct {
	s    *Store
	stop *stopPoint
	out  *Recovered

	mirror      *Model // nil: no document was left out so far, it would be the same
	first, next int64  // offsets of the first document, and behind the last
	last        string
	bounds      bounds
	spoilt      bool // the bounds are not known
}

func (f *folding) document(offset int64, value []byte) error {
	if f.next == 0 {
		f.first = offset
	}
	f.next = offset + 1
	if f.s.mirror != nil {
		f.last = fingerprint(value)
	}
	d, err := f.s.parse(value)
	if err != nil {
		return fmt.Errorf("record %d: %w", offset, err)
	}
	if d == nil {
		return nil
	}
	f.out.Documents++
	if err := f.fold(d); err != nil {
		return fmt.Errorf("record %d: %w", offset, err)
	}
	return nil
}

func (f *folding) fold(d *Document) error {
	if f.s.mirror != nil && !f.spoilt {
		var ok bool
		f.bounds, ok = f.bounds.with(d.Position)
		f.spoilt = !ok
	}
	if !f.stop.includes(d.Position) {
		if f.s.mirror != nil && f.mirror == nil {
			f.mirror = f.out.Model.Copy()
		}
	} else {
		if err := f.s.apply(f.out.Model, d); err != nil {
			return err
		}
		f.s.applied(d)
	}
	if f.mirror != nil {
		return f.s.apply(f.mirror, d)
	}
	return nil
}

// all is the fold of all documents.
func (f *folding) all() *Model {
	if f.mirror == nil {
		return f.out.Model.Copy()
	}
	return f.mirror
}

func (s *Store) apply(m *Model, d *Document) error {
	if len(d.Changes) > 0 && !s.cfg.PreferDDL {
		for i := range d.Changes {
			m.apply(&d.Changes[i])
		}
		return nil
	}
	if d.DDL == "" {
		return nil
	}
	for _, re := range s.cfg.DDLFilter {
		if loc := re.FindStringIndex(d.DDL); len(loc) == 2 && loc[0] == 0 && loc[1] == len(d.DDL) {
			return nil
		}
	}
	_, err := s.cfg.Parser.Apply(m, Session{Database: d.DB}, d.DDL)
	var pe *ParseError
	if err == nil || !errors.As(err, &pe) {
		return err
	}
	// Without table changes the statement changed no table when it was recorded: it is only read for character sets.
	if s.cfg.SkipUnparseableDDL || !s.cfg.PreferDDL {
		return nil
	}
	return err
}

// apply carries out a recorded change.
func (m *Model) apply(ch *Change) {
	switch ch.Type {
	case Create, Alter:
		if !ch.PreviousID.IsZero() {
			m.Remove(ch.PreviousID)
		}
		m.Put(ch.Table)
	case Drop:
		m.Remove(ch.ID)
	}
}

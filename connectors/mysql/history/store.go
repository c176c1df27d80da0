package history

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/connectd/connectd/connect"
)

// StoreConfig configures a Store.
type StoreConfig struct {
	Log    connect.TopicLog
	Server string // topic prefix: documents of other servers are ignored
	// LowerCaseTableNames is the server's lower_case_table_names.
	LowerCaseTableNames int
	Parser              *Parser                // nil: NewParser
	PreferDDL           bool                   // schema.history.internal.prefer.ddl: parse the ddl even if table changes are given
	SkipUnparseableDDL  bool                   // schema.history.internal.skip.unparseable.ddl
	DDLFilter           []*regexp.Regexp       // schema.history.internal.ddl.filter: a document whose whole ddl matches one is passed over
	GTIDFilter          func(uuid string) bool // gtid.source.includes/excludes; nil: all
	Now                 func() time.Time       // nil: time.Now
}

// ErrMissing tells of a topic without a document of this server although an offset says there should be; its text is Debezium's, for
// the caller to wrap.
var ErrMissing = errors.New("the db history topic or its content is fully or partially missing. Please check database schema history " +
	"topic configuration and re-execute the snapshot")

// Store writes and reads the schema history topic. One goroutine.
type Store struct {
	cfg StoreConfig
	buf []byte
}

// NewStore makes a store; it neither reads nor starts anything. The log stays the caller's to close.
func NewStore(cfg StoreConfig) *Store {
	if cfg.Parser == nil {
		cfg.Parser = NewParser()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Store{cfg: cfg}
}

// Record appends one document per change and returns when all are durable. Truncates are not recorded, as in Debezium.
func (s *Store) Record(ctx context.Context, pos Position, changes ...Change) error {
	for i := range changes {
		ch := &changes[i]
		if ch.Type == Truncate {
			continue
		}
		d := Document{Server: s.cfg.Server, Position: pos, TsMs: s.cfg.Now().UnixMilli(), DB: ch.DB, DDL: ch.DDL}
		if ch.InTableChanges() {
			d.Changes = changes[i : i+1]
		}
		s.buf = AppendDocument(s.buf[:0], &d)
		if err := s.cfg.Log.Append(ctx, nil, s.buf); err != nil {
			return fmt.Errorf("writing schema history of %s: %w", ch.ID, err)
		}
	}
	return nil
}

// Recover reads the whole topic and returns the model as of pos: documents of this server at or before it, by their table changes,
// else by their ddl. found is the number of documents of this server, applied or not; zero with a nil error is a topic without
// history ([ErrMissing] is for the caller to return then, or not, by snapshot.mode).
func (s *Store) Recover(ctx context.Context, pos Position) (m *Model, found int, err error) {
	m = NewModel(s.cfg.LowerCaseTableNames)
	offset := -1
	err = s.cfg.Log.ReadToEnd(ctx, func(_, value []byte) error {
		offset++
		if len(value) == 0 {
			return nil
		}
		d, err := ParseDocument(value)
		if err != nil {
			return fmt.Errorf("record %d: %w", offset, err)
		}
		if d.Server != s.cfg.Server {
			return nil
		}
		found++
		if !AtOrBefore(d.Position, pos, s.cfg.GTIDFilter) {
			return nil
		}
		if err := s.apply(m, d); err != nil {
			return fmt.Errorf("record %d: %w", offset, err)
		}
		return nil
	})
	if err != nil {
		return nil, found, fmt.Errorf("recovering schema history: %w", err)
	}
	return m, found, nil
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

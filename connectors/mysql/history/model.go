package history

import (
	"cmp"
	"slices"
	"strings"
)

// Model is the set of tables at one moment, with the default character sets of databases and server. One goroutine.
//
// A change costs what it changes, however many tables there are: a statement is undone from a journal if it cannot be applied.
type Model struct {
	lowerCase int
	dbs       map[string]*database // by dbKey
	count     int                  // of tables
	server    string               // character_set_server

	open    int         // statements under way (one inside another in FromShowCreate): while there are, undo is written
	undo    []undoEntry // what the changes since the first of them replaced
	touched *touched    // nil: nobody asks
}

// database has the tables by name (nameKey), and the default character set; empty: the server's.
type database struct {
	tables  map[string]*Table
	charset string
}

// undoEntry is what a change replaced: a table (nil: there was none) or a character set.
type undoEntry struct {
	kind    undoKind
	key     TableID
	table   *Table
	charset string
}

type undoKind uint8

const (
	undoTable undoKind = iota
	undoCharset
	undoServer
)

// touched collects the keys of what was changed.
type touched struct {
	tables map[TableID]struct{}
	dbs    map[string]struct{} // whose character set
}

// NewModel makes an empty model for a server's lower_case_table_names: 0 compares names as they are, 1 and 2 without case (1 stores
// them in lower case).
func NewModel(lowerCaseTableNames int) *Model {
	return &Model{lowerCase: lowerCaseTableNames, dbs: map[string]*database{}, server: "utf8mb4"}
}

// key is the id tables are filed under.
func (m *Model) key(id TableID) TableID {
	if m.lowerCase != 0 {
		return TableID{strings.ToLower(id.DB), strings.ToLower(id.Name)}
	}
	return id
}

func (m *Model) dbKey(db string) string {
	if m.lowerCase != 0 {
		return strings.ToLower(db)
	}
	return db
}

// Table is the current version of a table, nil if there is none.
func (m *Model) Table(id TableID) *Table { return m.at(m.key(id)) }

func (m *Model) at(key TableID) *Table {
	if d := m.dbs[key.DB]; d != nil {
		return d.tables[key.Name]
	}
	return nil
}

// Len is the number of tables.
func (m *Model) Len() int { return m.count }

// Tables are all tables, sorted by database and name.
func (m *Model) Tables() []*Table {
	out := make([]*Table, 0, m.count)
	for _, d := range m.dbs {
		for _, t := range d.tables {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b *Table) int {
		return cmp.Or(strings.Compare(a.ID.DB, b.ID.DB), strings.Compare(a.ID.Name, b.ID.Name))
	})
	return out
}

// Put adds or replaces a table, which must not change afterwards.
func (m *Model) Put(t *Table) { m.set(m.key(t.ID), t) }

// Remove takes a table out; it is no error if there is none.
func (m *Model) Remove(id TableID) { m.set(m.key(id), nil) }

// set is the one place that changes tables; nil takes one out.
func (m *Model) set(key TableID, t *Table) {
	old := m.at(key)
	if old == t {
		return
	}
	if m.open > 0 {
		m.undo = append(m.undo, undoEntry{kind: undoTable, key: key, table: old})
	}
	if m.touched != nil {
		m.touched.tables[key] = struct{}{}
	}
	d := m.dbs[key.DB]
	switch {
	case t == nil:
		delete(d.tables, key.Name)
		m.count--
		m.prune(key.DB, d)
		return
	case old == nil:
		m.count++
	}
	if d == nil {
		d = m.newDatabase(key.DB)
	}
	if d.tables == nil {
		d.tables = map[string]*Table{}
	}
	d.tables[key.Name] = t
}

func (m *Model) newDatabase(key string) *database {
	d := &database{}
	m.dbs[key] = d
	return d
}

func (m *Model) prune(key string, d *database) {
	if len(d.tables) == 0 && d.charset == "" {
		delete(m.dbs, key)
	}
}

// RemoveDatabase takes a database and all its tables out, and returns the ids of the tables, sorted.
func (m *Model) RemoveDatabase(db string) []TableID {
	key := m.dbKey(db)
	d := m.dbs[key]
	if d == nil {
		return nil
	}
	var ids []TableID
	for name, t := range d.tables {
		ids = append(ids, t.ID)
		m.set(TableID{key, name}, nil)
	}
	m.setCharset(key, "")
	slices.SortFunc(ids, func(a, b TableID) int { return strings.Compare(a.Name, b.Name) })
	return ids
}

// hasDatabase tells whether a database is known to be there: it has tables, or a character set.
func (m *Model) hasDatabase(db string) bool { return m.dbs[m.dbKey(db)] != nil }

// SetDatabaseCharset records a database's default character set.
func (m *Model) SetDatabaseCharset(db, charset string) { m.setCharset(m.dbKey(db), charset) }

func (m *Model) setCharset(key, charset string) {
	d := m.dbs[key]
	old := ""
	if d != nil {
		old = d.charset
	}
	if old == charset {
		return
	}
	if m.open > 0 {
		m.undo = append(m.undo, undoEntry{kind: undoCharset, key: TableID{DB: key}, charset: old})
	}
	if m.touched != nil {
		m.touched.dbs[key] = struct{}{}
	}
	if d == nil {
		d = m.newDatabase(key)
	}
	d.charset = charset
	m.prune(key, d)
}

// DatabaseCharset is the database's default character set, or the server's.
func (m *Model) DatabaseCharset(db string) string {
	if d := m.dbs[m.dbKey(db)]; d != nil && d.charset != "" {
		return d.charset
	}
	return m.server
}

// SetServerCharset records character_set_server (utf8mb4 at the start).
func (m *Model) SetServerCharset(charset string) {
	if m.open > 0 {
		m.undo = append(m.undo, undoEntry{kind: undoServer, charset: m.server})
	}
	m.server = charset
}

// begin starts a statement, which ends with keep or revert of the mark.
func (m *Model) begin() (mark int) {
	m.open++
	return len(m.undo)
}

func (m *Model) keep() {
	if m.open--; m.open == 0 {
		m.undo = m.undo[:0]
	}
}

// revert undoes everything since the mark.
func (m *Model) revert(mark int) {
	open := m.open
	m.open = 0 // what is undone is not undone again
	for i := len(m.undo) - 1; i >= mark; i-- {
		switch e := m.undo[i]; e.kind {
		case undoTable:
			m.set(e.key, e.table)
		case undoCharset:
			m.setCharset(e.key.DB, e.charset)
		case undoServer:
			m.server = e.charset
		}
	}
	clear(m.undo[mark:])
	m.undo, m.open = m.undo[:mark], open-1
}

// Copy is an independent copy, which shares the tables. It costs what the model has.
func (m *Model) Copy() *Model {
	c := NewModel(m.lowerCase)
	c.server, c.count = m.server, m.count
	for key, d := range m.dbs {
		n := c.newDatabase(key)
		n.charset = d.charset
		n.tables = make(map[string]*Table, len(d.tables))
		for name, t := range d.tables {
			n.tables[name] = t
		}
	}
	return c
}

// track collects from now on what is changed.
func (m *Model) track() {
	m.touched = &touched{tables: map[TableID]struct{}{}, dbs: map[string]struct{}{}}
}

// stored is an id as the server stores it: in lower case if lower_case_table_names is 1.
func (m *Model) stored(id TableID) TableID {
	if m.lowerCase == 1 {
		return TableID{strings.ToLower(id.DB), strings.ToLower(id.Name)}
	}
	return id
}

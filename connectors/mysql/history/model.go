package history

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Model is the set of tables at one moment, with the default character sets of databases and server. One goroutine.
type Model struct {
	lowerCase int
	tables    map[TableID]*Table
	charsets  map[string]string // by database
	server    string            // character_set_server
	shared    bool              // the maps belong to another model too: copy before writing
}

// NewModel makes an empty model for a server's lower_case_table_names: 0 compares names as they are, 1 and 2 without case (1 stores
// them in lower case).
func NewModel(lowerCaseTableNames int) *Model {
	return &Model{lowerCase: lowerCaseTableNames, tables: map[TableID]*Table{}, charsets: map[string]string{}, server: "utf8mb4"}
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
func (m *Model) Table(id TableID) *Table { return m.tables[m.key(id)] }

// Len is the number of tables.
func (m *Model) Len() int { return len(m.tables) }

// Tables are all tables, sorted by database and name.
func (m *Model) Tables() []*Table {
	return slices.SortedFunc(maps.Values(m.tables), func(a, b *Table) int {
		return cmp.Or(strings.Compare(a.ID.DB, b.ID.DB), strings.Compare(a.ID.Name, b.ID.Name))
	})
}

// Put adds or replaces a table, which must not change afterwards.
func (m *Model) Put(t *Table) {
	m.own()
	m.tables[m.key(t.ID)] = t
}

// Remove takes a table out; it is no error if there is none.
func (m *Model) Remove(id TableID) {
	m.own()
	delete(m.tables, m.key(id))
}

// RemoveDatabase takes a database and all its tables out, and returns the ids of the tables, sorted.
func (m *Model) RemoveDatabase(db string) []TableID {
	m.own()
	var ids []TableID
	k := m.dbKey(db)
	for id, t := range m.tables {
		if id.DB == k {
			ids = append(ids, t.ID)
			delete(m.tables, id)
		}
	}
	delete(m.charsets, k)
	slices.SortFunc(ids, func(a, b TableID) int { return strings.Compare(a.Name, b.Name) })
	return ids
}

// SetDatabaseCharset records a database's default character set.
func (m *Model) SetDatabaseCharset(db, charset string) {
	m.own()
	m.charsets[m.dbKey(db)] = charset
}

// DatabaseCharset is the database's default character set, or the server's.
func (m *Model) DatabaseCharset(db string) string {
	if c := m.charsets[m.dbKey(db)]; c != "" {
		return c
	}
	return m.server
}

// SetServerCharset records character_set_server (utf8mb4 at the start).
func (m *Model) SetServerCharset(charset string) { m.server = charset }

// Clone is an independent copy; the tables are shared, the maps until one of the two changes.
func (m *Model) Clone() *Model {
	m.shared = true
	c := *m
	return &c
}

func (m *Model) own() {
	if !m.shared {
		return
	}
	m.tables, m.charsets, m.shared = maps.Clone(m.tables), maps.Clone(m.charsets), false
}

// stored is an id as the server stores it: in lower case if lower_case_table_names is 1.
func (m *Model) stored(id TableID) TableID {
	if m.lowerCase == 1 {
		return TableID{strings.ToLower(id.DB), strings.ToLower(id.Name)}
	}
	return id
}

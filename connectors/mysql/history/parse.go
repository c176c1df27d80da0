package history

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Parser parses DDL. One goroutine.
type Parser struct {
	// Comments keeps table and column comments (include.schema.comments).
	Comments bool
	// MariaDB reads what MariaDB alone executes, /*M! … */, and takes JSON for what it is there: LONGTEXT CHARACTER SET utf8mb4
	// COLLATE utf8mb4_bin.
	MariaDB bool
}

// NewParser makes a parser without comments.
func NewParser() *Parser { return &Parser{} }

// ErrUnknownTable tells of a statement on a table that the model does not have: wrapped in a [*ParseError] that names it.
var ErrUnknownTable = errors.New("the table is not known")

// errNeedsTable tells of a statement whose outcome only the server knows.
var errNeedsTable = errors.New("the columns depend on a query")

// Apply parses one statement, changes m and returns the changes to record, in order; none for statements that Debezium does not
// record (views, routines, triggers, users, grants, temporary tables, DML, transaction control). The error is a [*ParseError]; m is
// unchanged then. A USE changes nothing in s.
func (p *Parser) Apply(m *Model, s Session, ddl string) ([]Change, error) {
	toks, err := lex(ddl, s, p.MariaDB)
	if err != nil {
		return nil, p.fail(m, s, ddl, nil, err)
	}
	if len(toks) == 0 {
		return nil, nil
	}
	st := &statement{p: p, m: m, c: &cursor{src: ddl, toks: toks, ses: s, asWritten: p.MariaDB}}
	mark := m.begin()
	if err := st.apply(); err != nil {
		m.revert(mark)
		return nil, p.fail(m, s, ddl, st, err)
	}
	m.keep()
	for i := range st.changes {
		if ch := &st.changes[i]; len(st.changes) > 1 && !ch.PreviousID.IsZero() {
			ch.Table = m.Table(ch.ID) // as the statement leaves it: BinlogDatabaseSchema.emitChangeEvent
		}
	}
	return st.changes, nil
}

// FromShowCreate makes a table of the answer of SHOW CREATE TABLE in database db; m gives default character sets (nil: utf8mb4). The
// session must not have ANSI_QUOTES, whose answer has names in double quotes. m is the same afterwards. The error is a [*ParseError].
func (p *Parser) FromShowCreate(m *Model, db, ddl string) (*Table, error) {
	if m == nil {
		m = NewModel(0)
	}
	if db == "" {
		return nil, &ParseError{DDL: ddl, Err: errors.New("a database is needed")}
	}
	defer m.revert(m.begin())
	for _, id := range guessTables(db, ddl) {
		m.Remove(id)
	}
	changes, err := p.Apply(m, Session{Database: db}, ddl)
	if err != nil {
		return nil, err
	}
	if len(changes) != 1 || changes[0].Table == nil {
		return nil, &ParseError{DDL: ddl, Err: errors.New("no CREATE TABLE statement")}
	}
	return changes[0].Table, nil
}

func (p *Parser) fail(m *Model, s Session, ddl string, st *statement, err error) error {
	e := &ParseError{DDL: ddl, Err: err}
	if st != nil {
		e.Tables = st.touched
	}
	if len(e.Tables) == 0 {
		for _, id := range guessTables(s.Database, ddl) {
			e.Tables = append(e.Tables, m.stored(id))
		}
	}
	return e
}

var tablePattern = regexp.MustCompile("(?is)\\b(?:table|index\\s+\\S+\\s+on|index\\s+\\S+\\s+using\\s+\\w+\\s+on)\\s+(?:if\\s+(?:not\\s+)?exists\\s+)?" +
	"(?:([`\"]?)([^`\"\\s.(]+)[`\"]?\\s*\\.\\s*)?([`\"]?)([^`\"\\s.(;,]+)")

// guessTables names the tables of a statement that could not be read.
func guessTables(db, ddl string) []TableID {
	if len(ddl) > 4096 {
		ddl = ddl[:4096]
	}
	g := tablePattern.FindStringSubmatch(ddl)
	if g == nil {
		return nil
	}
	if g[2] != "" {
		db = g[2]
	}
	return []TableID{{DB: db, Name: g[4]}}
}

// statement is the work on one statement; what it does to m is undone if it fails.
type statement struct {
	p       *Parser
	m       *Model
	c       *cursor
	changes []Change
	touched []TableID // for the error
}

func (st *statement) add(ch Change) {
	if ch.DB == "" {
		ch.DB = ch.ID.DB
	}
	st.changes = append(st.changes, ch)
}

// id reads a table name and notes it.
func (st *statement) id() (TableID, error) {
	id, err := st.c.tableID()
	if err != nil {
		return id, err
	}
	id = st.m.stored(id)
	st.touched = append(st.touched, id)
	return id, nil
}

// other records a statement that changes no table.
func (st *statement) other(t ChangeType) {
	st.add(Change{Type: t, DB: st.c.ses.Database, DDL: st.c.src})
}

func (st *statement) apply() error {
	c := st.c
	switch {
	case c.accept("CREATE"):
		return st.create()
	case c.accept("ALTER"):
		return st.alter()
	case c.accept("DROP"):
		return st.drop()
	case c.accept("RENAME"):
		if c.acceptAny("TABLE", "TABLES") {
			return st.rename()
		}
		st.other(Other) // RENAME USER, which Debezium records, other than CREATE, ALTER and DROP USER
		return nil
	case c.accept("TRUNCATE"):
		c.accept("TABLE")
		id, err := st.id()
		if err != nil {
			return err
		}
		st.add(Change{Type: Truncate, ID: id, Table: st.m.Table(id), DDL: c.text(0)})
		return nil
	case c.accept("USE"):
		db, err := c.ident()
		if err != nil {
			return err
		}
		st.add(Change{Type: UseDatabase, DB: db, DDL: c.text(0)})
		return nil
	case c.accept("SET"):
		return st.set()
	case c.accept("FLUSH"):
		if !c.peek().isAny("RELAY", "PRIVILEGES") {
			st.other(Other)
		}
		return nil
	case c.peek().isAny("GRANT", "REVOKE", "ANALYZE", "OPTIMIZE", "REPAIR", "INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "SELECT",
		"WITH", "CALL", "DO", "BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "XA", "LOCK", "UNLOCK"):
		return nil
	default:
		st.other(Other)
		return nil
	}
}

// skipped are the objects whose statements Debezium does not record.
var skipped = []string{"VIEW", "FUNCTION", "PROCEDURE", "TRIGGER", "USER", "ROLE", "AGGREGATE"}

// objectClauses passes over what may stand between CREATE or ALTER and the kind of object.
func objectClauses(c *cursor) {
	for {
		switch {
		case c.accept("OR", "REPLACE"), c.accept("ONLINE"), c.accept("OFFLINE"), c.accept("IGNORE"):
		case c.accept("ALGORITHM"), c.accept("DEFINER"):
			c.acceptPunct('=')
			c.next()
			c.parens()
			if c.acceptPunct('@') {
				c.next()
			}
		case c.accept("SQL", "SECURITY"):
			c.next()
		default:
			return
		}
	}
}

func (st *statement) create() error {
	c := st.c
	replace := c.peek().is("OR")
	objectClauses(c)
	switch {
	case c.accept("TEMPORARY"): // local to a session: its rows are never in the binlog
		return nil
	case replace && c.ses.Failed && c.peek().is("TABLE"):
		return st.failedReplace()
	case c.accept("TABLE"):
		return st.createTable()
	case c.acceptAny("DATABASE", "SCHEMA"):
		ifNotExists := c.accept("IF", "NOT", "EXISTS")
		db, err := c.ident()
		if err != nil {
			return err
		}
		if replace {
			st.m.RemoveDatabase(db)
		}
		if !ifNotExists || !st.m.hasDatabase(db) { // the statement is in the binary log also if there was one
			st.databaseOptions(db, true)
		}
		st.add(Change{Type: CreateDatabase, DB: st.m.stored(TableID{DB: db}).DB, DDL: c.text(0)})
		return nil
	case c.peek().isAny(skipped...):
		return nil
	}
	from := c.i
	unique := c.accept("UNIQUE")
	if !unique {
		c.acceptAny("FULLTEXT", "SPATIAL", "VECTOR")
	}
	if c.accept("INDEX") {
		return st.createIndex(from, unique)
	}
	c.i = from
	st.other(Other)
	return nil
}

// failedReplace is a CREATE OR REPLACE TABLE that only dropped the old table.
func (st *statement) failedReplace() error {
	st.c.next()
	id, err := st.id()
	if err != nil {
		return err
	}
	st.m.Remove(id)
	st.add(Change{Type: Drop, ID: id, DDL: "DROP TABLE IF EXISTS " + id.Backticked()})
	return nil
}

// databaseOptions sets a database's character set from the options that follow.
func (st *statement) databaseOptions(db string, create bool) {
	c := st.c
	charset := ""
	for c.peek().kind != tokEOF {
		switch {
		case c.accept("CHARACTER", "SET"), c.accept("CHARSET"):
			c.acceptPunct('=')
			charset = strings.ToLower(c.next().text)
		case c.accept("COLLATE"):
			c.acceptPunct('=')
			if t := c.next(); charset == "" {
				charset = collationCharset(t.text)
			}
		default:
			c.next()
		}
	}
	switch {
	case charset == "default":
		charset = st.m.server
	case charset == "" && create:
		charset = cmp.Or(st.c.ses.Charset, st.m.server) // it stays, whatever becomes of the server's
	}
	if charset != "" {
		st.m.SetDatabaseCharset(db, charset)
	}
}

func (st *statement) alter() error {
	c := st.c
	objectClauses(c)
	switch {
	case c.accept("TABLE"):
		return st.alterTable()
	case c.acceptAny("DATABASE", "SCHEMA"):
		db := c.ses.Database
		if c.peek().name() && !c.peek().isAny("DEFAULT", "CHARACTER", "COLLATE", "CHARSET", "ENCRYPTION", "READ") {
			db, _ = c.ident()
		}
		st.databaseOptions(db, false)
		if c.ses.Database != "" {
			db = c.ses.Database
		}
		st.add(Change{Type: AlterDatabase, DB: db, DDL: c.src})
		return nil
	case c.peek().isAny(skipped...):
		return nil
	}
	st.other(Other)
	return nil
}

func (st *statement) drop() error {
	c := st.c
	switch {
	case c.accept("TEMPORARY"), c.peek().isAny(skipped...):
		return nil
	case c.acceptAny("TABLE", "TABLES"):
		return st.dropTables()
	case c.acceptAny("DATABASE", "SCHEMA"):
		c.accept("IF", "EXISTS")
		db, err := c.ident()
		if err != nil {
			return err
		}
		st.m.RemoveDatabase(db)
		st.add(Change{Type: DropDatabase, DB: st.m.stored(TableID{DB: db}).DB, DDL: c.text(0)})
		return nil
	case c.accept("INDEX"):
		return st.dropIndex()
	}
	st.other(Other)
	return nil
}

func (st *statement) dropTables() error {
	c := st.c
	c.accept("IF", "EXISTS")
	prefix := c.src[c.toks[0].start:min(c.peek().start, len(c.src))]
	if c.peek().kind == tokEOF {
		return c.unexpected("a table")
	}
	var ids []TableID
	for {
		id, err := st.id()
		if err != nil {
			return err
		}
		ids = append(ids, id)
		if !c.acceptPunct(',') {
			break
		}
	}
	suffix := ""
	if c.accept("RESTRICT") {
		suffix = " RESTRICT"
	} else if c.accept("CASCADE") {
		suffix = " CASCADE"
	}
	for _, id := range ids {
		st.m.Remove(id)
		st.add(Change{Type: Drop, ID: id, DDL: prefix + id.Backticked() + suffix})
	}
	return nil
}

func (st *statement) rename() error {
	c := st.c
	exists := c.accept("IF", "EXISTS")
	prefix := c.src[c.toks[0].start:min(c.peek().start, len(c.src))]
	if c.peek().kind == tokEOF {
		return c.unexpected("a table")
	}
	for {
		from := c.i
		old, err := st.id()
		if err != nil {
			return err
		}
		if !c.accept("TO") {
			return c.unexpected("TO")
		}
		id, err := st.id()
		if err != nil {
			return err
		}
		text := prefix + c.src[c.toks[from].start:c.toks[c.i-1].end]
		t := st.m.Table(old)
		switch {
		case t != nil:
			st.add(Change{Type: Alter, ID: id, PreviousID: old, Table: st.moved(t, id), DDL: text})
		case exists:
			st.add(Change{Type: Other, ID: id, PreviousID: old, DDL: text})
		default:
			return fmt.Errorf("renaming table %s: %w", old, ErrUnknownTable)
		}
		if !c.acceptPunct(',') {
			return nil
		}
	}
}

func (st *statement) moved(t *Table, id TableID) *Table {
	st.m.Remove(t.ID)
	t = t.clone()
	t.ID = id
	st.m.Put(t)
	return t
}

// set notes the character set variables of a SET statement.
func (st *statement) set() error {
	for _, part := range split(st.c.toks[1:]) {
		v := st.c.sub(part)
		for v.acceptPunct('@') || v.acceptAny("GLOBAL", "SESSION", "LOCAL", "PERSIST") || v.acceptPunct('.') {
			continue
		}
		name := v.next()
		v.acceptPunct(':')
		v.acceptPunct('=')
		value := v.next()
		if value.kind == tokEOF || value.is("DEFAULT") {
			continue
		}
		switch {
		case name.is("character_set_server"):
			st.m.SetServerCharset(strings.ToLower(value.text))
		case name.is("character_set_database") && st.c.ses.Database != "":
			st.m.SetDatabaseCharset(st.c.ses.Database, strings.ToLower(value.text))
		}
	}
	st.add(Change{Type: SetVariable, DB: st.c.ses.Database, DDL: st.c.text(0)})
	return nil
}

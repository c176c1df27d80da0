package history

import (
	"fmt"
	"time"
)

// ChangeType says what a statement did.
type ChangeType string

// The types. Create, Alter and Drop appear in a document's tableChanges; the others only as the document's ddl, with an empty list.
const (
	Create         ChangeType = "CREATE"
	Alter          ChangeType = "ALTER"
	Drop           ChangeType = "DROP"
	Truncate       ChangeType = "TRUNCATE"
	CreateDatabase ChangeType = "CREATE_DATABASE"
	AlterDatabase  ChangeType = "ALTER_DATABASE"
	DropDatabase   ChangeType = "DROP_DATABASE"
	UseDatabase    ChangeType = "USE_DATABASE"
	CreateIndex    ChangeType = "CREATE_INDEX"
	DropIndex      ChangeType = "DROP_INDEX"
	SetVariable    ChangeType = "SET"
	Other          ChangeType = "OTHER" // recorded, but touches no table: EVENT, FLUSH TABLES, …
)

// Change is one effect of a statement: what one schema-change record and one history document hold.
type Change struct {
	Type       ChangeType
	DB         string  // databaseName of the document; the table's, else the current database
	ID         TableID // zero for changes of no table
	PreviousID TableID // of a renamed table; else zero
	Table      *Table  // the new version; nil for Drop, changes of no table, and a RENAME to a name that is gone when the statement ends
	DDL        string  // the text Debezium records: the statement, or its part for this table
}

// InTableChanges tells whether the change is listed in the document's tableChanges.
func (c *Change) InTableChanges() bool {
	return c.Type == Create || c.Type == Alter && c.Table != nil || c.Type == Drop
}

// Session is what a statement's meaning depends on: from the query event's status variables, or the connection that runs it.
type Session struct {
	Database           string // current database
	ANSIQuotes         bool   // sql_mode ANSI_QUOTES: "x" is a name
	NoBackslashEscapes bool   // sql_mode NO_BACKSLASH_ESCAPES
	// Failed tells that the statement ended with an error, and is in the binary log for what it did before: CREATE OR REPLACE TABLE of
	// MariaDB has dropped the table.
	Failed bool
	// Zone is the session's time zone (Q_TIME_ZONE_CODE), in which it writes defaults of TIMESTAMP columns; nil: UTC, or not known.
	Zone *time.Location
	// Charset is the default for new databases (character_set_server of the session); empty: the model's.
	Charset string
}

// SessionModes sets the two flags from the sql_mode bits of a query event (Q_SQL_MODE_CODE).
func (s *Session) SessionModes(bits uint64) {
	const ansiQuotes, noBackslashEscapes = 1 << 2, 1 << 20
	s.ANSIQuotes, s.NoBackslashEscapes = bits&ansiQuotes != 0, bits&noBackslashEscapes != 0
}

// ParseError tells of a statement that could not be applied. The model is unchanged.
type ParseError struct {
	DDL    string
	Tables []TableID // the tables the statement seems to touch, best guess; may be empty
	Err    error
}

func (e *ParseError) Error() string {
	ddl := e.DDL
	if len(ddl) > 300 {
		ddl = ddl[:300] + "…"
	}
	if len(e.Tables) == 0 {
		return fmt.Sprintf("parsing DDL statement %q: %v", ddl, e.Err)
	}
	return fmt.Sprintf("parsing DDL statement %q (table %s): %v", ddl, e.Tables[0], e.Err)
}

// Unwrap is the cause.
func (e *ParseError) Unwrap() error { return e.Err }

package history

import "strings"

// TableID names a table.
type TableID struct{ DB, Name string }

// String is db.table, as filters match it.
func (id TableID) String() string {
	if id.DB == "" {
		return id.Name
	}
	return id.DB + "." + id.Name
}

// IsZero tells whether the id is empty.
func (id TableID) IsZero() bool { return id.Name == "" && id.DB == "" }

// Quoted is "db"."table" in double quotes, the form of table changes in history documents (TableId.toDoubleQuotedString).
func (id TableID) Quoted() string { return id.quote(`"`) }

// Backticked is `db`.`table`, the form of generated statements (TableId.toQuotedString).
func (id TableID) Backticked() string { return id.quote("`") }

func (id TableID) quote(q string) string {
	name := q + strings.ReplaceAll(id.Name, q, q+q) + q
	if id.DB == "" {
		return name
	}
	return q + strings.ReplaceAll(id.DB, q, q+q) + q + "." + name
}

// parseTableID reads the Quoted form; ok is false if it is none.
func parseTableID(s string) (id TableID, ok bool) {
	var parts []string
	for s != "" {
		var part string
		if s[0] == '"' || s[0] == '`' {
			q := s[0]
			var b strings.Builder
			i := 1
			for ; i < len(s); i++ {
				if s[i] == q {
					if i+1 < len(s) && s[i+1] == q {
						i++
					} else {
						break
					}
				}
				b.WriteByte(s[i])
			}
			if i >= len(s) {
				return TableID{}, false
			}
			part, s = b.String(), s[i+1:]
		} else {
			part, s, _ = cutAt(s, '.')
			parts = append(parts, part)
			continue
		}
		parts = append(parts, part)
		if s != "" {
			if s[0] != '.' {
				return TableID{}, false
			}
			s = s[1:]
		}
	}
	switch len(parts) {
	case 1:
		return TableID{Name: parts[0]}, true
	case 2:
		return TableID{DB: parts[0], Name: parts[1]}, true
	default:
		return TableID{}, false
	}
}

func cutAt(s string, c byte) (before, after string, found bool) { return strings.Cut(s, string(c)) }

// Table is one version of a table. It is immutable once published in a Model.
type Table struct {
	ID      TableID
	Columns []Column
	// PrimaryKey are the columns of the primary key in key order; without a primary key those of the first unique index all of
	// whose columns are NOT NULL, in definition order; else empty.
	PrimaryKey []string
	Charset    string // default character set, e.g. utf8mb4; never empty for tables made by the parser
	Comment    string

	keys    []key // all unique keys, for DROP INDEX and the rule above
	hasKeys bool  // keys is complete (false for tables read from a history document)

	versioned bool   // WITH SYSTEM VERSIONING (MariaDB)
	rowEnd    string // the column that ends a row's time, if it is declared
}

// key is a unique key (primary: name PRIMARY).
type key struct {
	name    string
	columns []string
	primary bool
	expr    bool // functional or prefix part: cannot identify rows
}

// Column finds a column by name (case-insensitively, as MySQL does), or nil.
func (t *Table) Column(name string) *Column {
	for i := range t.Columns {
		if strings.EqualFold(t.Columns[i].Name, name) {
			return &t.Columns[i]
		}
	}
	return nil
}

// Types of java.sql.Types that columns have.
const (
	JDBCBit         = -7
	JDBCTinyint     = -6
	JDBCSmallint    = 5
	JDBCInteger     = 4
	JDBCBigint      = -5
	JDBCFloat       = 6
	JDBCReal        = 7
	JDBCDouble      = 8
	JDBCNumeric     = 2
	JDBCDecimal     = 3
	JDBCChar        = 1
	JDBCVarchar     = 12
	JDBCDate        = 91
	JDBCTime        = 92
	JDBCTimestamp   = 93
	JDBCTimestampTZ = 2014
	JDBCBinary      = -2
	JDBCVarbinary   = -3
	JDBCBlob        = 2004
	JDBCOther       = 1111
	JDBCNvarchar    = -9
	JDBCNchar       = -15
	JDBCBoolean     = 16
)

// NoLength is the Length or Scale of a column that has none.
const NoLength = -1

// Column is a column as Debezium's table changes describe it.
type Column struct {
	Name            string
	Position        int // from 1
	JDBCType        int
	NativeType      *int   // never set by Debezium's MySQL parser; kept when read
	TypeName        string // upper case with UNSIGNED and ZEROFILL: "INT UNSIGNED"
	TypeExpression  string
	Charset         string // empty: none
	Length          int    // NoLength if not given; fraction digits for time types
	Scale           int    // NoLength if not given
	Optional        bool
	AutoIncremented bool
	Generated       bool // Debezium sets it with AutoIncremented only
	Comment         string
	HasDefault      bool
	Default         *string // nil: the default is null; the text as Debezium stores it ("101" for b'101')
	// EnumValues are the options of an ENUM or SET, each in single quotes as written: 'a'.
	EnumValues []string

	// Virtual tells of a generated column (VIRTUAL or STORED); not part of the document.
	Virtual bool
}

// clone is a copy whose slices may be changed.
func (t *Table) clone() *Table {
	c := *t
	c.Columns = append([]Column(nil), t.Columns...)
	c.PrimaryKey = append([]string(nil), t.PrimaryKey...)
	c.keys = make([]key, len(t.keys))
	for i, k := range t.keys {
		k.columns = append([]string(nil), k.columns...)
		c.keys[i] = k
	}
	return &c
}

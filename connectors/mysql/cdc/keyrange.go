package cdc

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// chunkKey is the order a table is read in, a part at a time: its primary key, or the columns that stand in for one.
type chunkKey struct {
	cols []keyColumn
}

type keyColumn struct {
	name  string // in backticks
	index int    // among the table's columns
	kind  keyKind
	java  byte // see javaArray
}

// keyKind says how a value of the column is kept as a text and written into a statement.
type keyKind uint8

const (
	keyNumber keyKind = iota // 12.5
	keyText                  // 'it''s'
	keyBinary                // kept in hex, written x'00ff'
)

// keyTexts is a place in the order: one text per column. nil: before the first row, or no bound.
type keyTexts []string

// keySpan are the rows of a table with from < key <= to.
type keySpan struct {
	From keyTexts `json:"from,omitempty"`
	To   keyTexts `json:"to,omitempty"`
}

// chunkKeyOf finds the order by the columns named, else by the primary key. ok is false if there is none to rely on: a column may be
// null, or its text does not find the row again (FLOAT, ENUM, SET, JSON), and then why says so.
func chunkKeyOf(t *history.Table, names []string) (k *chunkKey, why string) {
	k = &chunkKey{}
	if len(names) == 0 {
		names = t.PrimaryKey
	}
	if len(names) == 0 {
		return nil, "it has no primary key"
	}
	for _, name := range names {
		i := slices.IndexFunc(t.Columns, func(c history.Column) bool { return strings.EqualFold(c.Name, name) })
		if i < 0 {
			return nil, "it has no column " + name
		}
		c := &t.Columns[i]
		kind, ok := keyKindOf(c.TypeName)
		switch {
		case !ok:
			return nil, "rows cannot be found again by column " + name + ", of type " + c.TypeName
		case c.Optional:
			return nil, "column " + name + " may be null"
		}
		k.cols = append(k.cols, keyColumn{name: server.Backtick(c.Name), index: i, kind: kind, java: javaKindOf(c.TypeName, kind)})
	}
	return k, ""
}

func keyKindOf(typeName string) (keyKind, bool) {
	base, _, _ := strings.Cut(strings.ToUpper(typeName), " ")
	base, _, _ = strings.Cut(base, "(")
	switch base {
	case "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "INTEGER", "BIGINT", "DECIMAL", "NUMERIC", "DEC", "FIXED", "YEAR", "SERIAL", "BOOL", "BOOLEAN":
		return keyNumber, true
	case "CHAR", "VARCHAR", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT", "NCHAR", "NVARCHAR", "NATIONAL", "CHARACTER", "DATE", "DATETIME",
		"TIMESTAMP", "TIME":
		return keyText, true
	case "BINARY", "VARBINARY", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB":
		return keyBinary, true
	}
	return 0, false
}

// javaKindOf is the class of a column's values in Debezium.
func javaKindOf(typeName string, kind keyKind) byte {
	base, more, _ := strings.Cut(strings.ToUpper(typeName), " ")
	base, _, _ = strings.Cut(base, "(")
	switch {
	case kind == keyBinary:
		return 'B'
	case base == "TINYINT" || base == "SMALLINT":
		return 'S'
	case base == "MEDIUMINT", (base == "INT" || base == "INTEGER") && !strings.Contains(more, "UNSIGNED"):
		return 'I'
	case base == "INT", base == "INTEGER", base == "BIGINT":
		return 'J'
	}
	return 'L'
}

// kinds are the classes of the key, for javaArray.
func (k *chunkKey) kinds() string {
	var b strings.Builder
	for i := range k.cols {
		b.WriteByte(k.cols[i].java)
	}
	return b.String()
}

// of is the place of a row of the text protocol that has all columns of the table.
func (k *chunkKey) of(fields []mysql.FieldValue) keyTexts {
	out := make(keyTexts, len(k.cols))
	for i := range k.cols {
		out[i] = k.cols[i].text(&fields[k.cols[i].index])
	}
	return out
}

// ofKey is the same for a row of the key columns alone.
func (k *chunkKey) ofKey(fields []mysql.FieldValue) keyTexts {
	out := make(keyTexts, len(k.cols))
	for i := range k.cols {
		out[i] = k.cols[i].text(&fields[i])
	}
	return out
}

func (c *keyColumn) text(f *mysql.FieldValue) string {
	switch f.Type {
	case mysql.FieldValueTypeUnsigned:
		return strconv.FormatUint(f.AsUint64(), 10)
	case mysql.FieldValueTypeSigned:
		return strconv.FormatInt(f.AsInt64(), 10)
	}
	if c.kind == keyBinary {
		return hex.EncodeToString(f.AsString())
	}
	return string(f.AsString())
}

// fits tells whether texts can be a place in this order: what an offset says is not trusted to go into a statement unseen.
func (k *chunkKey) fits(at keyTexts) bool {
	if at == nil {
		return true
	}
	if len(at) != len(k.cols) {
		return false
	}
	for i := range k.cols {
		switch k.cols[i].kind {
		case keyNumber:
			if !decimalText(at[i]) {
				return false
			}
		case keyBinary:
			if _, err := hex.DecodeString(at[i]); err != nil {
				return false
			}
		}
	}
	return true
}

func decimalText(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, frac, point := strings.Cut(s, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return digits(whole) && (!point || digits(frac))
}

// literal writes the text of column i into a statement.
func (k *chunkKey) literal(b *strings.Builder, i int, text string) {
	switch k.cols[i].kind {
	case keyNumber:
		b.WriteString(text)
	case keyBinary:
		b.WriteString("x'" + text + "'")
	default:
		b.WriteString(server.Quote(text))
	}
}

// names lists the columns, each followed by suffix.
func (k *chunkKey) names(suffix string) string {
	var b strings.Builder
	for i := range k.cols {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(k.cols[i].name + suffix)
	}
	return b.String()
}

// condition is the WHERE of a span; empty if it is all of the table. It is written so that the server reads one range of the index: it
// does not do that for comparisons of rows, (a, b) > (1, 2).
func (k *chunkKey) condition(s keySpan, more string) string {
	var parts []string
	if s.From != nil {
		parts = append(parts, k.compare(s.From, " > ", " > ", " >= "))
	}
	if s.To != nil {
		parts = append(parts, k.compare(s.To, " < ", " <= ", " <= "))
	}
	if more != "" {
		parts = append(parts, "("+more+")")
	}
	if len(parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(parts, " AND ")
}

// compare writes key op at, for several columns (a op x) OR (a = x AND b last y), with a outer x before it for the range.
func (k *chunkKey) compare(at keyTexts, op, last, outer string) string {
	var b strings.Builder
	n := len(k.cols)
	if n > 1 {
		b.WriteString("(" + k.cols[0].name + outer)
		k.literal(&b, 0, at[0])
		b.WriteString(" AND (")
	}
	for i := range k.cols {
		if i > 0 {
			b.WriteString(" OR ")
		}
		b.WriteByte('(')
		for j := range i {
			b.WriteString(k.cols[j].name + " = ")
			k.literal(&b, j, at[j])
			b.WriteString(" AND ")
		}
		o := op
		if i == n-1 {
			o = last
		}
		b.WriteString(k.cols[i].name + o)
		k.literal(&b, i, at[i])
		b.WriteByte(')')
	}
	if n > 1 {
		b.WriteString("))")
	}
	return b.String()
}

// rowsQuery selects the rows of a span in order; limit 0: all.
func (k *chunkKey) rowsQuery(t history.TableID, list string, s keySpan, more string, limit int) string {
	q := "SELECT " + list + " FROM " + t.Backticked() + k.condition(s, more) + " ORDER BY " + k.names("")
	if limit > 0 {
		q += " LIMIT " + strconv.Itoa(limit)
	}
	return q
}

// boundQuery selects the key of the nth row of a span, and the one after it.
func (k *chunkKey) boundQuery(t history.TableID, s keySpan, n int) string {
	return k.rowsQuery(t, k.names(""), s, "", 0) + " LIMIT 2 OFFSET " + strconv.Itoa(n-1)
}

// lastQuery selects the key of the last row.
func (k *chunkKey) lastQuery(t history.TableID, more string) string {
	q := "SELECT " + k.names("") + " FROM " + t.Backticked()
	return q + k.condition(keySpan{}, more) + " ORDER BY " + k.names(" DESC") + " LIMIT 1"
}

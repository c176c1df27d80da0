package cdc

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// charsetOf is what a collation number stands for.
type charsetOf struct {
	name  string
	width int // most bytes of a character
}

const collationBinary = 63

// readCollations asks the server for all of them.
func readCollations(ctx context.Context, conn *server.Conn) (map[uint64]charsetOf, error) {
	rows, err := conn.Rows(ctx, "SELECT c.ID, c.CHARACTER_SET_NAME, s.MAXLEN FROM INFORMATION_SCHEMA.COLLATIONS c JOIN INFORMATION_SCHEMA.CHARACTER_SETS s USING (CHARACTER_SET_NAME)")
	if err != nil {
		return nil, err
	}
	out := map[uint64]charsetOf{}
	for _, r := range rows {
		id, err := strconv.ParseUint(r[0], 10, 64)
		width, err2 := strconv.Atoi(r[2])
		if err == nil && err2 == nil && width > 0 {
			out[id] = charsetOf{r[1], width}
		}
	}
	return out, nil
}

// describes tells whether a table map has the table's definition with it (binlog_row_metadata=FULL).
func describes(tm *replication.TableMapEvent) bool {
	return len(tm.ColumnName) > 0 && uint64(len(tm.ColumnName)) == tm.ColumnCount
}

// definition renders the table of a table map as CREATE TABLE: all but defaults, comments, and widths of numbers, which the log does not
// have.
func definition(id history.TableID, tm *replication.TableMapEvent, collations map[uint64]charsetOf) (string, error) {
	unsigned, texts, options := tm.UnsignedMap(), tm.CollationMap(), tm.EnumSetCollationMap()
	enums, sets, shapes := tm.EnumStrValueMap(), tm.SetStrValueMap(), tm.GeometryTypeMap()
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE %s (", server.Backtick(id.Name))
	for i, name := range tm.ColumnNameString() {
		if i > 0 {
			b.WriteString(", ")
		}
		c := binlogColumn{unsigned: unsigned[i], enum: enums[i], set: sets[i], shape: shapes[i]}
		c.typ, c.meta = row.RealType(tm.ColumnType[i], tm.ColumnMeta[i])
		c.charset = collations[texts[i]]
		if c.typ == mysql.MYSQL_TYPE_ENUM || c.typ == mysql.MYSQL_TYPE_SET {
			c.charset = collations[options[i]]
		}
		c.binary = texts[i] == collationBinary
		typ := c.render()
		if typ == "" {
			return "", fmt.Errorf("column %s of %s has type %d, which is not known", name, id, c.typ)
		}
		b.WriteString(server.Backtick(name) + " " + typ)
		if ok, null := tm.Nullable(i); ok && !null {
			b.WriteString(" NOT NULL")
		}
	}
	if len(tm.PrimaryKey) > 0 {
		names := make([]string, len(tm.PrimaryKey))
		for i, at := range tm.PrimaryKey {
			if at >= tm.ColumnCount {
				return "", fmt.Errorf("the primary key of %s names column %d of %d", id, at, tm.ColumnCount)
			}
			names[i] = server.Backtick(string(tm.ColumnName[at]))
		}
		b.WriteString(", PRIMARY KEY (" + strings.Join(names, ", ") + ")")
	}
	b.WriteString(")")
	return b.String(), nil
}

// binlogColumn is a column as a table map has it.
type binlogColumn struct {
	typ       byte
	meta      uint16
	unsigned  bool
	binary    bool
	charset   charsetOf
	enum, set []string
	shape     uint64
}

var binlogIntegers = map[byte]string{mysql.MYSQL_TYPE_TINY: "tinyint", mysql.MYSQL_TYPE_SHORT: "smallint", mysql.MYSQL_TYPE_INT24: "mediumint",
	mysql.MYSQL_TYPE_LONG: "int", mysql.MYSQL_TYPE_LONGLONG: "bigint", mysql.MYSQL_TYPE_FLOAT: "float", mysql.MYSQL_TYPE_DOUBLE: "double"}

var binlogSimple = map[byte]string{mysql.MYSQL_TYPE_DATE: "date", mysql.MYSQL_TYPE_NEWDATE: "date", mysql.MYSQL_TYPE_YEAR: "year",
	mysql.MYSQL_TYPE_JSON: "json", mysql.MYSQL_TYPE_TIME: "time", mysql.MYSQL_TYPE_DATETIME: "datetime", mysql.MYSQL_TYPE_TIMESTAMP: "timestamp",
	mysql.MYSQL_TYPE_VECTOR: "vector"}

var binlogFractions = map[byte]string{mysql.MYSQL_TYPE_TIME2: "time", mysql.MYSQL_TYPE_DATETIME2: "datetime", mysql.MYSQL_TYPE_TIMESTAMP2: "timestamp"}

var binlogShapes = []string{"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection"}

var binlogBlobs = [][2]string{{"tinyblob", "tinytext"}, {"blob", "text"}, {"mediumblob", "mediumtext"}, {"longblob", "longtext"}}

// render is the column's type as a definition has it; empty if it is not known.
func (c *binlogColumn) render() string {
	if s := binlogIntegers[c.typ]; s != "" {
		if c.unsigned {
			s += " unsigned"
		}
		return s
	}
	if s := binlogSimple[c.typ]; s != "" {
		return s
	}
	if s := binlogFractions[c.typ]; s != "" {
		if c.meta > 0 {
			s += fmt.Sprintf("(%d)", c.meta)
		}
		return s
	}
	switch c.typ {
	case mysql.MYSQL_TYPE_NEWDECIMAL:
		s := fmt.Sprintf("decimal(%d,%d)", c.meta>>8, c.meta&0xFF)
		if c.unsigned {
			s += " unsigned"
		}
		return s
	case mysql.MYSQL_TYPE_BIT:
		return fmt.Sprintf("bit(%d)", int(c.meta>>8)*8+int(c.meta&0xFF))
	case mysql.MYSQL_TYPE_GEOMETRY:
		if c.shape < uint64(len(binlogShapes)) {
			return binlogShapes[c.shape]
		}
		return binlogShapes[0]
	case mysql.MYSQL_TYPE_ENUM:
		return "enum(" + quoteAll(c.enum) + ")" + c.collated()
	case mysql.MYSQL_TYPE_SET:
		return "set(" + quoteAll(c.set) + ")" + c.collated()
	}
	return c.text()
}

func (c *binlogColumn) text() string {
	sized := func(binary, text string) string {
		if c.binary || c.charset.width == 0 {
			return fmt.Sprintf("%s(%d)", binary, c.meta)
		}
		return fmt.Sprintf("%s(%d)%s", text, int(c.meta)/c.charset.width, c.collated())
	}
	switch c.typ {
	case mysql.MYSQL_TYPE_VARCHAR, mysql.MYSQL_TYPE_VAR_STRING:
		return sized("varbinary", "varchar")
	case mysql.MYSQL_TYPE_STRING:
		return sized("binary", "char")
	case mysql.MYSQL_TYPE_BLOB:
		if c.meta < 1 || int(c.meta) > len(binlogBlobs) {
			return ""
		}
		names := binlogBlobs[c.meta-1]
		if c.binary || c.charset.width == 0 {
			return names[0]
		}
		return names[1] + c.collated()
	}
	return ""
}

func (c *binlogColumn) collated() string {
	if c.charset.name == "" {
		return ""
	}
	return " CHARACTER SET " + c.charset.name
}

func quoteAll(options []string) string {
	out := make([]string, len(options))
	for i, o := range options {
		out[i] = server.Quote(o)
	}
	return strings.Join(out, ",")
}

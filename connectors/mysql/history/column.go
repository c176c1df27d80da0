package history

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// columnDef is a column definition with what it says beyond the column.
type columnDef struct {
	col        Column
	unique     bool
	primary    bool
	notNull    bool // NOT NULL given
	hasDefault bool // DEFAULT given
	rowEnd     bool // GENERATED ALWAYS AS ROW END
	added      bool // not changed
	first      bool
	after      string
}

// columnDef reads type and attributes of a column up to the end of c. charset is the table's default.
func (p *Parser) columnDef(c *cursor, name, charset string) (*columnDef, error) {
	d := &columnDef{col: Column{Name: name, Length: NoLength, Scale: NoLength, Optional: true}}
	if err := p.columnType(c, d, charset); err != nil {
		return nil, fmt.Errorf("column %s: %w", name, err)
	}
	for c.peek().kind != tokEOF {
		if err := p.columnAttribute(c, d); err != nil {
			return nil, fmt.Errorf("column %s: %w", name, err)
		}
	}
	if d.primary || d.notNull {
		d.col.Optional = false
	}
	d.col.HasDefault = d.hasDefault || d.col.Optional
	if !d.col.Optional && d.col.Default == nil && d.primary {
		d.col.HasDefault = false
	}
	d.col.TypeExpression = d.col.TypeName
	return d, nil
}

func (p *Parser) columnAttribute(c *cursor, d *columnDef) error {
	switch {
	case c.accept("NOT", "NULL"):
		d.notNull = true
	case c.accept("NULL"):
		d.col.Optional = true
	case c.accept("DEFAULT"):
		return p.columnDefault(c, d)
	case c.accept("ON", "UPDATE"):
		c.next()
		c.parens()
		if !p.MariaDB {
			d.col.AutoIncremented, d.col.Generated = true, true
		}
	case c.accept("AUTO_INCREMENT"):
		d.col.AutoIncremented, d.col.Generated = true, true
	case c.accept("SERIAL", "DEFAULT", "VALUE"):
		d.serial()
	case c.accept("UNIQUE"):
		c.acceptAny("KEY")
		d.unique = true
	case c.accept("PRIMARY"):
		c.acceptAny("KEY")
		d.primary = true
	case c.accept("KEY"):
		d.primary = true
	case c.accept("COMMENT"):
		if t := c.next(); t.kind == tokString && p.Comments {
			d.col.Comment = comment(t.text, c.ses)
		}
	case c.accept("FIRST"):
		d.first = true
	case c.accept("AFTER"):
		var err error
		d.after, err = c.ident()
		return err
	case c.accept("GENERATED", "ALWAYS"), c.accept("AS"):
		c.acceptAny("AS")
		if c.accept("ROW") { // START or END of the time of a row (MariaDB): stored, and never null, though Debezium says optional
			d.rowEnd = c.next().is("END")
			return nil
		}
		c.parens()
		d.col.Virtual = true
	case c.accept("REFERENCES"):
		return references(c)
	case c.accept("CHECK"), c.accept("SRID"), c.accept("COLUMN_FORMAT"), c.accept("STORAGE"):
		if _, ok := c.parens(); !ok {
			c.next()
		}
	default: // an attribute that does not matter to rows: ENGINE_ATTRIBUTE, INVISIBLE, VIRTUAL, CONSTRAINT x, NOT ENFORCED, …
		if _, ok := c.parens(); !ok {
			c.next()
		}
	}
	return nil
}

func (d *columnDef) serial() {
	d.col.AutoIncremented, d.col.Generated, d.unique, d.notNull = true, true, true, true
}

// references passes over a foreign key clause: its SET NULL and SET DEFAULT are no attributes of the column.
func references(c *cursor) error {
	if _, err := c.tableID(); err != nil {
		return err
	}
	c.parens()
	for {
		switch {
		case c.accept("MATCH"):
			c.next()
		case c.accept("ON", "DELETE"), c.accept("ON", "UPDATE"):
			c.acceptAny("SET", "NO")
			c.next()
		default:
			return nil
		}
	}
}

// columnDefault reads the value after DEFAULT as Debezium stores it.
func (p *Parser) columnDefault(c *cursor, d *columnDef) error {
	d.hasDefault = true
	set := func(s string) {
		s = c.escaped(s)
		d.col.Default = &s
	}
	moment := func(s string) { set(inUTC(s, &d.col, c.ses.Zone)) }
	if _, ok := c.parens(); ok { // an expression: its value is not known
		return nil
	}
	sign := ""
	if c.peek().punct('-') || c.peek().punct('+') {
		sign = c.next().text
	}
	t := c.next()
	switch {
	case t.kind == tokEOF:
		return c.unexpected("a default value")
	case t.is("NULL"):
	case t.isAny("CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP"):
		c.parens()
		set("1970-01-01 00:00:00")
	case t.isAny("DATE", "TIME", "TIMESTAMP") && c.peek().kind == tokString:
		moment(c.next().text)
	case t.kind == tokWord && t.text[0] == '_' && (c.peek().kind == tokString || c.peek().kind == tokBits): // introducer
		if v := c.next(); v.kind == tokBits && v.prefix == 'x' {
			set("0x" + v.text)
		} else {
			set(v.text)
		}
	case isNumberType(d.col.JDBCType) && hexNumber(t) != "":
		set(sign + hexNumber(t))
	case t.kind == tokBits && t.prefix == 'x' && isBinaryType(d.col.JDBCType):
		set("0x" + t.text)
	case t.kind == tokNumber && strings.HasPrefix(t.text, "0x") && d.col.Charset == "utf8mb4" && utf8Hex(t.text[2:]) != "":
		// SHOW CREATE TABLE writes defaults with characters beyond the basic plane in this form.
		s := strings.ReplaceAll(strings.ReplaceAll(utf8Hex(t.text[2:]), `\`, `\\`), "'", "''")
		d.col.Default = &s
	case t.kind == tokNumber && strings.HasPrefix(strings.ToLower(t.text), "0x") && !isBinaryType(d.col.JDBCType),
		t.kind == tokNumber && strings.HasPrefix(strings.ToLower(t.text), "0b"):
		set(t.text[2:])
	case t.kind == tokWord && !t.isAny("TRUE", "FALSE"): // a function (MariaDB)
		c.parens()
	case t.kind == tokString && c.peek().kind == tokString: // 'a' 'b' is one literal
		s := t.text
		for c.peek().kind == tokString {
			s += c.next().text
		}
		set(s)
	case t.kind == tokString:
		moment(c.single(t))
	default:
		set(sign + t.text)
	}
	return nil
}

// typeInfo is what a type keyword means.
type typeInfo struct {
	jdbc          int
	char          bool // has a character set
	length, scale int  // if not given; NoLength
}

const n = NoLength

var typeTable = map[string]typeInfo{
	"BIT": {JDBCBit, false, 1, n}, "BOOL": {JDBCBoolean, false, n, n}, "BOOLEAN": {JDBCBoolean, false, n, n},
	"TINYINT": {JDBCSmallint, false, n, n}, "INT1": {JDBCSmallint, false, n, n},
	"SMALLINT": {JDBCSmallint, false, n, n}, "INT2": {JDBCSmallint, false, n, n},
	"MEDIUMINT": {JDBCInteger, false, n, n}, "INT3": {JDBCInteger, false, n, n}, "MIDDLEINT": {JDBCInteger, false, n, n},
	"INT": {JDBCInteger, false, n, n}, "INTEGER": {JDBCInteger, false, n, n}, "INT4": {JDBCInteger, false, n, n},
	"BIGINT": {JDBCBigint, false, n, n}, "INT8": {JDBCBigint, false, n, n}, "SERIAL": {JDBCBigint, false, n, n},
	"REAL": {JDBCReal, false, n, n}, "DOUBLE": {JDBCDouble, false, n, n}, "FLOAT8": {JDBCDouble, false, n, n},
	"FLOAT": {JDBCFloat, false, n, n}, "FLOAT4": {JDBCFloat, false, n, n},
	"DECIMAL": {JDBCDecimal, false, 10, 0}, "DEC": {JDBCDecimal, false, 10, 0}, "FIXED": {JDBCDecimal, false, 10, 0},
	"NUMERIC": {JDBCNumeric, false, 10, 0},
	"DATE":    {JDBCDate, false, n, n}, "TIME": {JDBCTime, false, n, n}, "DATETIME": {JDBCTimestamp, false, n, n},
	"TIMESTAMP": {JDBCTimestampTZ, false, n, n}, "YEAR": {JDBCInteger, false, n, n},
	"CHAR": {JDBCChar, true, n, n}, "CHARACTER": {JDBCChar, true, n, n}, "VARCHAR": {JDBCVarchar, true, n, n},
	"VARCHARACTER": {JDBCVarchar, true, n, n}, "TINYTEXT": {JDBCVarchar, true, n, n}, "TEXT": {JDBCVarchar, true, n, n},
	"MEDIUMTEXT": {JDBCVarchar, true, n, n}, "LONGTEXT": {JDBCVarchar, true, n, n}, "LONG": {JDBCVarchar, true, n, n},
	"NCHAR": {JDBCNchar, true, n, n}, "NVARCHAR": {JDBCNvarchar, true, n, n},
	"BINARY": {JDBCBinary, false, n, n}, "VARBINARY": {JDBCVarbinary, false, n, n}, "TINYBLOB": {JDBCBlob, false, n, n},
	"BLOB": {JDBCBlob, false, n, n}, "MEDIUMBLOB": {JDBCBlob, false, n, n}, "LONGBLOB": {JDBCBlob, false, n, n},
	"ENUM": {JDBCChar, true, 1, n}, "SET": {JDBCChar, true, n, n}, "JSON": {JDBCOther, false, n, n},
	"VECTOR": {JDBCOther, false, n, n}, "GEOMETRY": {JDBCOther, false, n, n}, "POINT": {JDBCOther, false, n, n},
	"LINESTRING": {JDBCOther, false, n, n}, "POLYGON": {JDBCOther, false, n, n}, "MULTIPOINT": {JDBCOther, false, n, n},
	"MULTILINESTRING": {JDBCOther, false, n, n}, "MULTIPOLYGON": {JDBCOther, false, n, n},
	"GEOMETRYCOLLECTION": {JDBCOther, false, n, n}, "GEOMCOLLECTION": {JDBCOther, false, n, n},
	"UUID": {JDBCOther, false, n, n}, "INET6": {JDBCOther, false, n, n}, "INET4": {JDBCOther, false, n, n}, // MariaDB
}

// typeName reads the type's keywords, as written and in upper case.
func typeName(c *cursor) (name string, info typeInfo, err error) {
	t := c.peek()
	if t.kind != tokWord {
		return "", info, c.unexpected("a data type")
	}
	words := []string{strings.ToUpper(t.text)}
	c.next()
	take := func(ks ...string) bool {
		if c.accept(ks...) {
			words = append(words, ks...)
			return true
		}
		return false
	}
	base := words[0]
	switch base {
	case "NATIONAL":
		base = "NCHAR"
		if take("VARCHAR") || take("VARCHARACTER") || (take("CHAR") || take("CHARACTER")) && take("VARYING") {
			base = "NVARCHAR"
		}
	case "NCHAR":
		if take("VARYING") || take("VARCHAR") || take("VARCHARACTER") {
			base = "NVARCHAR"
		}
	case "CHAR", "CHARACTER":
		if take("VARYING") {
			base = "VARCHAR"
		}
	case "DOUBLE":
		take("PRECISION")
	case "LONG":
		if take("VARBINARY") {
			base = "BLOB"
		} else if !take("VARCHAR") && (take("CHAR") || take("CHARACTER")) {
			take("VARYING")
		}
	}
	info, ok := typeTable[base]
	if !ok {
		return "", info, fmt.Errorf("unknown data type %s", words[0])
	}
	return strings.Join(words, " "), info, nil
}

func (p *Parser) columnType(c *cursor, d *columnDef, tableCharset string) error {
	name, info, err := typeName(c)
	if err != nil {
		return err
	}
	if p.MariaDB && name == "JSON" {
		name, info, tableCharset = "LONGTEXT", typeTable["LONGTEXT"], "utf8mb4"
	}
	col := &d.col
	col.JDBCType, col.Length, col.Scale = info.jdbc, info.length, info.scale
	if args, ok := c.parens(); ok {
		if name == "ENUM" || name == "SET" {
			enumOptions(c, args, col, name)
		} else if err := lengths(args, col); err != nil {
			return err
		}
	}
	name += numberOptions(c)
	charset := charsetOptions(c, &name)
	if name == "SERIAL" {
		name = "BIGINT UNSIGNED"
		d.serial()
	}
	col.TypeName = name
	switch {
	case info.jdbc == JDBCNchar || info.jdbc == JDBCNvarchar:
		col.Charset = "utf8"
		if info.jdbc == JDBCNchar && col.Length == NoLength {
			col.Length = 1
		}
	case !info.char:
	case charset == "":
		col.Charset = tableCharset
	default:
		col.Charset = charset
	}
	if strings.EqualFold(col.Charset, "binary") {
		col.toBinary()
	}
	return nil
}

func (col *Column) temporal() bool {
	return col.JDBCType == JDBCTime || col.JDBCType == JDBCTimestamp || col.JDBCType == JDBCTimestampTZ
}

func lengths(args []token, col *Column) error {
	for i, a := range split(args) {
		if len(a) != 1 || a[0].kind != tokNumber || i > 1 {
			continue
		}
		v, err := strconv.ParseInt(a[0].text, 10, 64)
		if err != nil {
			return fmt.Errorf("bad length %q", clip(a[0].text))
		}
		switch {
		case i == 0 && v == 0 && !col.temporal():
			col.Length = 10 // ColumnDefinitionParserListener.parseLength
		case i == 0:
			col.Length = int(min(v, 1<<31-1)) // LONGTEXT lengths do not fit Java's int
		default:
			col.Scale = int(min(v, 1<<31-1))
		}
	}
	return nil
}

func enumOptions(c *cursor, args []token, col *Column, name string) {
	for _, a := range args {
		switch {
		case a.kind == tokString && c.asWritten:
			col.EnumValues = append(col.EnumValues, c.escaped(c.src[a.start:a.end]))
		case a.kind == tokString:
			col.EnumValues = append(col.EnumValues, "'"+c.escaped(c.single(a))+"'")
		case a.kind == tokBits:
			col.EnumValues = append(col.EnumValues, "'"+a.text+"'")
		}
	}
	if name == "SET" {
		col.Length = max(0, 2*len(col.EnumValues)-1)
	}
}

// numberOptions reads SIGNED, UNSIGNED and ZEROFILL and returns what Debezium adds to the type name.
func numberOptions(c *cursor) string {
	sign, fill := "", false
	for {
		switch {
		case c.accept("UNSIGNED"):
			sign = " UNSIGNED"
		case c.accept("SIGNED"):
			sign = " SIGNED"
		case c.accept("ZEROFILL"):
			fill = true
		case fill:
			return " UNSIGNED ZEROFILL"
		default:
			return sign
		}
	}
}

// charsetOptions reads the character set and collation after a type; BINARY goes into the type name.
func charsetOptions(c *cursor, name *string) string {
	charset, collate := "", ""
	for {
		switch {
		case c.accept("BINARY"):
			*name += " BINARY"
		case c.accept("CHARACTER", "SET"), c.accept("CHAR", "SET"), c.accept("CHARSET"):
			charset = strings.ToLower(c.next().text)
		case c.accept("COLLATE"):
			collate = c.next().text
		case c.accept("ASCII"):
			charset = "latin1"
		case c.accept("UNICODE"):
			charset = "ucs2"
		case c.accept("BYTE"):
			charset = "binary"
		case charset == "" && collate != "":
			return collationCharset(collate)
		default:
			return charset
		}
	}
}

// collationCharset is the character set of a collation: the part before the first underscore.
func collationCharset(collation string) string {
	cs, _, _ := strings.Cut(strings.ToLower(collation), "_")
	if strings.HasPrefix(cs, "uca") { // MariaDB: for any character set
		return ""
	}
	return cs
}

// toBinary makes a text column with character set binary the binary type that MySQL makes of it.
func (col *Column) toBinary() {
	base, _, _ := strings.Cut(col.TypeName, " ")
	switch {
	case base == "ENUM" || base == "SET":
		return
	case strings.HasSuffix(base, "TEXT"):
		col.TypeName, col.JDBCType = strings.TrimSuffix(base, "TEXT")+"BLOB", JDBCBlob
	case base == "LONG":
		col.TypeName, col.JDBCType = "MEDIUMBLOB", JDBCBlob
	case col.JDBCType == JDBCChar:
		col.TypeName, col.JDBCType = "BINARY", JDBCBinary
	case col.JDBCType == JDBCVarchar:
		col.TypeName, col.JDBCType = "VARBINARY", JDBCVarbinary
	default:
		return
	}
	col.TypeExpression, col.Charset = col.TypeName, ""
}

// hasCharset tells whether the column's text is in a character set that CONVERT TO changes.
func (col *Column) hasCharset() bool {
	return col.Charset != "" && slices.Contains([]int{JDBCChar, JDBCVarchar, JDBCNchar, JDBCNvarchar}, col.JDBCType)
}

package history

import (
	"fmt"
	"slices"
	"strings"
)

func (st *statement) createTable() error {
	c := st.c
	ifNotExists := c.accept("IF", "NOT", "EXISTS")
	id, err := st.id()
	if err != nil {
		return err
	}
	if ifNotExists && st.m.Table(id) != nil {
		st.other(Other)
		return nil
	}
	like := c.accept("LIKE")
	if !like && c.peek().punct('(') && c.at(1).is("LIKE") {
		c.i += 2
		like = true
	}
	if like {
		return st.createLike(id)
	}
	body, ok := c.parens()
	if !ok || len(body) > 0 && body[0].is("SELECT") {
		return errNeedsTable
	}
	t := &Table{ID: id, Charset: st.m.DatabaseCharset(id.DB), hasKeys: true}
	if err := st.tableOptions(c, t, true); err != nil {
		return err
	}
	for _, e := range split(body) {
		if err := st.element(c.sub(e), t); err != nil {
			return err
		}
	}
	if len(t.Columns) == 0 {
		return fmt.Errorf("table %s has no columns", id)
	}
	t.versionKeys()
	t.settle()
	st.m.Put(t)
	st.add(Change{Type: Create, ID: id, Table: t, DDL: c.text(0)})
	return nil
}

// versionKeys adds the column that ends a row's time to the keys of a system-versioned table that declares it, as MariaDB does: a row's
// former versions have the key of the present one but for it.
func (t *Table) versionKeys() {
	if !t.versioned || t.rowEnd == "" {
		return
	}
	for i := range t.keys {
		if k := &t.keys[i]; !slices.ContainsFunc(k.columns, func(c string) bool { return strings.EqualFold(c, t.rowEnd) }) {
			k.columns = append(k.columns, t.rowEnd)
		}
	}
}

func (st *statement) createLike(id TableID) error {
	from, err := st.c.tableID()
	if err != nil {
		return err
	}
	src := st.m.Table(from)
	if src == nil {
		return fmt.Errorf("creating table %s like %s: %w", id, from, ErrUnknownTable)
	}
	t := src.clone()
	t.ID, t.Comment = id, "" // Debezium copies the comments of columns only
	st.m.Put(t)
	st.add(Change{Type: Create, ID: id, Table: t, DDL: st.c.text(0)})
	return nil
}

// tableOptions reads the options after a column list, or those among the actions of ALTER TABLE.
func (st *statement) tableOptions(c *cursor, t *Table, create bool) error {
	charset, collate := "", ""
	for c.peek().kind != tokEOF {
		switch {
		case c.accept("CHARACTER", "SET"), c.accept("CHAR", "SET"), c.accept("CHARSET"):
			c.acceptPunct('=')
			charset = strings.ToLower(c.next().text)
		case c.accept("COLLATE"):
			c.acceptPunct('=')
			collate = c.next().text
		case c.accept("COMMENT"):
			c.acceptPunct('=')
			if v := c.next(); v.kind == tokString && st.p.Comments {
				t.Comment = comment(v.text, c.ses)
			}
		case c.accept("PARTITION", "BY"), c.accept("PARTITION"):
			skipPartitioning(c)
		case c.accept("WITH", "SYSTEM", "VERSIONING"): // no query (MariaDB)
			t.versioned = true
		case create && c.peek().isAny("AS", "SELECT", "WITH", "TABLE", "VALUES"):
			return errNeedsTable
		default:
			if _, ok := c.parens(); !ok {
				c.next()
				if c.acceptPunct('=') { // the value of an option is no option: INSERT_METHOD=…, TABLESPACE=…
					c.next()
				}
			}
		}
	}
	switch {
	case charset == "default":
		t.Charset = st.m.DatabaseCharset(t.ID.DB)
	case charset != "":
		t.Charset = charset
	case collate != "" && !strings.EqualFold(collate, "default"):
		t.Charset = collationCharset(collate)
	}
	return nil
}

// skipPartitioning passes over the partitioning clause, which ends the statement or is followed by a query.
func skipPartitioning(c *cursor) {
	for c.peek().kind != tokEOF && !c.peek().isAny("AS", "SELECT") {
		if _, ok := c.parens(); !ok {
			c.next()
		}
	}
}

// element reads one part of a column list: a column, key or constraint.
func (st *statement) element(c *cursor, t *Table) error {
	if isKeyElement(c) {
		return st.keyElement(c, t)
	}
	name, err := c.ident()
	if err != nil {
		return err
	}
	d, err := st.p.columnDef(c, name, t.Charset)
	if err != nil {
		return err
	}
	if t.Column(name) != nil {
		return fmt.Errorf("duplicate column name %s", name)
	}
	t.Columns = append(t.Columns, d.col)
	if d.rowEnd {
		t.rowEnd = name
	}
	t.inlineKeys(d)
	return nil
}

func (t *Table) inlineKeys(d *columnDef) {
	if d.primary {
		t.keys = append(t.keys, key{name: "PRIMARY", columns: []string{d.col.Name}, primary: true})
	}
	if d.unique {
		t.keys = append(t.keys, key{name: d.col.Name, columns: []string{d.col.Name}})
	}
}

// isKeyElement tells whether a key or constraint follows, not a column.
func isKeyElement(c *cursor) bool {
	t := c.peek()
	if t.kind != tokWord {
		return false
	}
	switch {
	case t.isAny("PRIMARY", "UNIQUE", "FULLTEXT", "SPATIAL", "FOREIGN", "CONSTRAINT", "CHECK"), t.isAny("KEY", "INDEX"):
		return true
	case t.is("PERIOD"):
		return c.at(1).is("FOR")
	default:
		return t.is("VECTOR") && c.at(1).isAny("INDEX", "KEY")
	}
}

// keyElement reads a key or constraint; only primary and unique keys matter.
func (st *statement) keyElement(c *cursor, t *Table) error {
	name := ""
	ifNotExists := false
	if c.accept("CONSTRAINT") {
		ifNotExists = c.accept("IF", "NOT", "EXISTS")
		if c.peek().name() && !c.peek().isAny("PRIMARY", "UNIQUE", "FOREIGN", "CHECK") {
			name = c.next().text
		}
	}
	k := key{name: name}
	switch {
	case c.accept("PRIMARY"):
		c.accept("KEY")
		k.primary, k.name = true, "PRIMARY"
	case c.accept("UNIQUE"):
		c.acceptAny("KEY", "INDEX")
	default:
		return nil
	}
	for !c.peek().punct('(') {
		switch {
		case c.accept("IF", "NOT", "EXISTS"):
			ifNotExists = true
		case c.peek().kind == tokEOF:
			return c.unexpected("the key's columns")
		case c.acceptAny("USING", "TYPE"):
			c.next()
		default:
			if w := c.next(); !k.primary && w.name() {
				k.name = w.text
			}
		}
	}
	parts, _ := c.parens()
	k.parts(c, parts)
	if k.name == "" && len(k.columns) > 0 {
		k.name = k.columns[0]
	}
	if ifNotExists && slices.ContainsFunc(t.keys, func(have key) bool { return strings.EqualFold(have.name, k.name) }) {
		return nil
	}
	t.addKey(k)
	return nil
}

// parts reads the columns of a key. A functional or prefix part makes the key unfit to identify rows, except in a primary key.
func (k *key) parts(c *cursor, toks []token) {
	for _, part := range split(toks) {
		s := c.sub(part)
		if !s.peek().name() {
			k.expr = true
			continue
		}
		k.columns = append(k.columns, s.next().text)
	}
}

// addKey adds a key to the table; if the table came from a history document, whose keys are not known, it only fills an empty key.
func (t *Table) addKey(k key) {
	if t.hasKeys {
		t.keys = append(t.keys, k)
		return
	}
	if k.primary || len(t.PrimaryKey) == 0 && t.identifies(k) {
		t.PrimaryKey = t.columnNames(k)
		if k.primary {
			t.requireKey()
		}
	}
}

// identifies tells whether every row has a value of its own in k.
func (t *Table) identifies(k key) bool {
	if k.expr || len(k.columns) == 0 {
		return false
	}
	for _, name := range k.columns {
		if col := t.Column(name); col == nil || col.Optional && !k.primary {
			return false
		}
	}
	return true
}

func (t *Table) rank(k key) int {
	switch {
	case k.primary:
		return 0
	case t.identifies(k):
		return 1
	default:
		return 2
	}
}

// columnNames are the key's columns, spelled as the columns are.
func (t *Table) columnNames(k key) []string {
	names := make([]string, 0, len(k.columns))
	for _, name := range k.columns {
		if col := t.Column(name); col != nil {
			names = append(names, col.Name)
		}
	}
	return names
}

// requireKey makes the columns of the primary key NOT NULL.
func (t *Table) requireKey() {
	for _, name := range t.PrimaryKey {
		col := t.Column(name)
		if col == nil || !col.Optional {
			continue
		}
		col.Optional = false
		if col.Default == nil {
			col.HasDefault = false
		}
	}
}

// settle numbers the columns and finds the key.
func (t *Table) settle() {
	for i := range t.Columns {
		t.Columns[i].Position = i + 1
	}
	if !t.hasKeys {
		return
	}
	t.PrimaryKey = nil
	// The server keeps unique keys without null columns before the others, else in the order of definition.
	slices.SortStableFunc(t.keys, func(a, b key) int { return t.rank(a) - t.rank(b) })
	for _, k := range t.keys {
		if k.primary {
			t.PrimaryKey = t.columnNames(k)
			t.requireKey()
			return
		}
	}
	for _, k := range t.keys {
		if t.identifies(k) {
			t.PrimaryKey = t.columnNames(k)
			return
		}
	}
}

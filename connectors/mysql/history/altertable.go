package history

import (
	"fmt"
	"slices"
	"strings"
)

// alteration collects the actions of one ALTER TABLE. Its column actions refer to the columns before the statement, so they are
// carried out together, as the server does: RENAME COLUMN a TO b, RENAME COLUMN b TO a swaps.
type alteration struct {
	st      *statement
	t       *Table // the new version
	dropped map[string]bool
	changed map[string]*columnDef // by old name, lower case; also renames
	placed  []*columnDef          // added, or changed with a new place, in order
	renamed map[string]string     // old name, lower case → new name
	convert string                // CONVERT TO CHARACTER SET
	newID   *TableID
}

func (st *statement) alterTable() error {
	c := st.c
	c.accept("IF", "EXISTS")
	id, err := st.id()
	if err != nil {
		return err
	}
	old := st.m.Table(id)
	if old == nil {
		return fmt.Errorf("altering table %s: %w", id, ErrUnknownTable)
	}
	if c.accept("WAIT") { // MariaDB
		c.next()
	} else {
		c.accept("NOWAIT")
	}
	a := &alteration{st: st, t: old.clone(), dropped: map[string]bool{}, changed: map[string]*columnDef{}, renamed: map[string]string{}}
	specs := split(c.toks[c.i:])
	// Table options first: a column added by the same statement gets the new default character set, wherever it stands.
	for _, s := range specs {
		if err := a.options(c.sub(s)); err != nil {
			return err
		}
	}
	for _, s := range specs {
		if err := a.action(c.sub(s)); err != nil {
			return err
		}
	}
	return a.finish(id)
}

func (a *alteration) finish(id TableID) error {
	if err := a.arrange(); err != nil {
		return err
	}
	a.t.settle()
	if len(a.t.Columns) == 0 {
		return fmt.Errorf("table %s has no columns left", id)
	}
	ch := Change{Type: Alter, ID: id, Table: a.t, DDL: a.st.c.text(0)}
	a.st.m.Put(a.t)
	if a.newID != nil && *a.newID != id {
		ch.Table = a.st.moved(a.t, *a.newID)
		ch.ID, ch.PreviousID = *a.newID, id
	}
	a.st.add(ch)
	return nil
}

// options takes the table options out of an action list.
func (a *alteration) options(c *cursor) error {
	switch {
	case c.accept("CONVERT", "TO"):
		t := Table{ID: a.t.ID}
		if err := a.st.tableOptions(c, &t, false); err != nil {
			return err
		}
		a.convert, a.t.Charset = t.Charset, t.Charset
	case c.peek().isAny("DEFAULT", "CHARACTER", "CHARSET", "COLLATE", "COMMENT", "ENGINE", "AUTO_INCREMENT", "ROW_FORMAT"):
		return a.st.tableOptions(c, a.t, false)
	}
	return nil
}

func (a *alteration) action(c *cursor) error {
	switch {
	case c.accept("ADD"):
		return a.add(c)
	case c.accept("DROP"):
		return a.drop(c)
	case c.accept("MODIFY"):
		c.accept("COLUMN")
		exists := c.accept("IF", "EXISTS")
		name, err := c.ident()
		if err != nil {
			return err
		}
		return a.change(c, name, name, exists)
	case c.accept("CHANGE"):
		c.accept("COLUMN")
		exists := c.accept("IF", "EXISTS")
		old, err := c.ident()
		if err != nil {
			return err
		}
		name, err := c.ident()
		if err != nil {
			return err
		}
		return a.change(c, old, name, exists)
	case c.accept("RENAME"):
		return a.rename(c)
	case c.accept("ALTER"):
		return a.alterColumn(c)
	}
	return nil // table options, and what does not matter to rows: ENGINE, ORDER BY, FORCE, LOCK, partitions, …
}

func (a *alteration) add(c *cursor) error {
	if isKeyElement(c) {
		return a.st.keyElement(c, a.t)
	}
	if c.accept("PARTITION") || c.accept("SYSTEM", "VERSIONING") {
		return nil
	}
	c.accept("COLUMN")
	c.accept("IF", "NOT", "EXISTS")
	if body, ok := c.parens(); ok {
		for _, e := range split(body) {
			sub := c.sub(e)
			if isKeyElement(sub) {
				if err := a.st.keyElement(sub, a.t); err != nil {
					return err
				}
				continue
			}
			if err := a.addColumn(sub); err != nil {
				return err
			}
		}
		return nil
	}
	return a.addColumn(c)
}

func (a *alteration) addColumn(c *cursor) error {
	name, err := c.ident()
	if err != nil {
		return err
	}
	d, err := a.st.p.columnDef(c, name, a.t.Charset)
	if err != nil {
		return err
	}
	d.added = true
	a.placed = append(a.placed, d)
	a.inlineKeys(d)
	return nil
}

func (a *alteration) inlineKeys(d *columnDef) {
	k := Table{}
	k.inlineKeys(d)
	for _, key := range k.keys {
		a.t.addLater(key)
	}
}

// addLater adds a key whose column is not in the table yet.
func (t *Table) addLater(k key) {
	if t.hasKeys {
		t.keys = append(t.keys, k)
	} else if k.primary {
		t.PrimaryKey = slices.Clone(k.columns)
	}
}

func (a *alteration) change(c *cursor, old, name string, ifExists bool) error {
	col := a.t.Column(old)
	if col == nil {
		if ifExists {
			return nil
		}
		return fmt.Errorf("changing column %s, which table %s does not have", old, a.t.ID)
	}
	d, err := a.st.p.columnDef(c, name, a.t.Charset)
	if err != nil {
		return err
	}
	a.changed[strings.ToLower(old)] = d
	if col.Name != name { // also if only the case is another
		a.renamed[strings.ToLower(old)] = name
	}
	if d.first || d.after != "" {
		a.placed = append(a.placed, d)
	}
	a.inlineKeys(d)
	return nil
}

func (a *alteration) rename(c *cursor) error {
	switch {
	case c.accept("COLUMN"):
		exists := c.accept("IF", "EXISTS")
		old, err := c.ident()
		if err != nil {
			return err
		}
		if !c.accept("TO") {
			return c.unexpected("TO")
		}
		name, err := c.ident()
		if err != nil {
			return err
		}
		col := a.t.Column(old)
		if col == nil && exists {
			return nil
		}
		if col == nil {
			return fmt.Errorf("renaming column %s, which table %s does not have", old, a.t.ID)
		}
		d := &columnDef{col: *col}
		d.col.Name = name
		a.changed[strings.ToLower(old)] = d
		a.renamed[strings.ToLower(old)] = name
		return nil
	case c.acceptAny("INDEX", "KEY"):
		c.accept("IF", "EXISTS")
		from, err := c.ident()
		if err != nil || !c.accept("TO") {
			return err
		}
		to, err := c.ident()
		for i := range a.t.keys {
			if strings.EqualFold(a.t.keys[i].name, from) {
				a.t.keys[i].name = to
			}
		}
		return err
	}
	if !c.acceptAny("TO", "AS") {
		c.acceptPunct('=')
	}
	a.st.c, c = c, a.st.c // names are read by st.id from its cursor
	id, err := a.st.id()
	a.st.c = c
	a.newID = &id
	return err
}

func (a *alteration) drop(c *cursor) error {
	switch {
	case c.accept("PRIMARY"):
		if !a.t.hasKeys {
			a.t.PrimaryKey = nil
		}
		a.t.keys = slices.DeleteFunc(a.t.keys, func(k key) bool { return k.primary })
		return nil
	case c.acceptAny("INDEX", "KEY", "CONSTRAINT"):
		c.accept("IF", "EXISTS")
		name, err := c.ident()
		a.t.dropKey(name)
		if !a.t.hasKeys && strings.EqualFold(name, "PRIMARY") {
			a.t.PrimaryKey = nil
		}
		return err
	case c.peek().isAny("FOREIGN", "PARTITION", "PERIOD") && c.at(1).kind != tokEOF, c.peek().is("SYSTEM") && c.at(1).is("VERSIONING"), c.peek().is("CHECK") && c.at(1).name():
		return nil
	}
	c.accept("COLUMN")
	exists := c.accept("IF", "EXISTS")
	name, err := c.ident()
	if err != nil {
		return err
	}
	if a.t.Column(name) == nil && !exists {
		return fmt.Errorf("dropping column %s, which table %s does not have", name, a.t.ID)
	}
	a.dropped[strings.ToLower(name)] = true
	return nil
}

func (t *Table) dropKey(name string) {
	t.keys = slices.DeleteFunc(t.keys, func(k key) bool { return strings.EqualFold(k.name, name) })
}

func (a *alteration) alterColumn(c *cursor) error {
	if c.peek().isAny("INDEX", "CHECK", "CONSTRAINT") && c.at(1).name() {
		return nil
	}
	c.accept("COLUMN")
	exists := c.accept("IF", "EXISTS")
	name, err := c.ident()
	if err != nil {
		return err
	}
	col := a.t.Column(name)
	if col == nil && exists {
		return nil
	}
	if col == nil {
		return fmt.Errorf("altering column %s, which table %s does not have", name, a.t.ID)
	}
	switch {
	case c.accept("SET", "DEFAULT"):
		d := &columnDef{col: *col}
		d.col.Default = nil
		if err := a.st.p.columnDefault(c, d); err != nil {
			return err
		}
		col.Default, col.HasDefault = d.col.Default, true
	case c.accept("DROP", "DEFAULT"):
		col.Default, col.HasDefault = nil, col.Optional // ColumnEditorImpl.optional: null is the default of a nullable column
	}
	if d := a.changed[strings.ToLower(name)]; d != nil {
		d.col.Default, d.col.HasDefault = col.Default, col.HasDefault
	}
	return nil
}

// arrange makes the new list of columns, as mysql_prepare_alter_table does: old columns with their changes first, then those with a
// place and the added ones, in the order of the statement.
func (a *alteration) arrange() error {
	var cols []Column
	for _, col := range a.t.Columns {
		l := strings.ToLower(col.Name)
		if a.dropped[l] {
			continue
		}
		d := a.changed[l]
		switch {
		case d == nil:
			cols = append(cols, col)
		case !slices.Contains(a.placed, d):
			cols = append(cols, d.col)
		}
	}
	for _, d := range a.placed {
		if d.added && slices.ContainsFunc(cols, func(x Column) bool { return strings.EqualFold(x.Name, d.col.Name) }) {
			continue // IF NOT EXISTS, or a model ahead of the statement
		}
		at := len(cols)
		switch {
		case d.first:
			at = 0
		case d.after != "":
			i := slices.IndexFunc(cols, func(x Column) bool { return strings.EqualFold(x.Name, d.after) })
			if i < 0 {
				return fmt.Errorf("placing column %s after %s, which table %s does not have", d.col.Name, d.after, a.t.ID)
			}
			at = i + 1
		}
		cols = slices.Insert(cols, at, d.col)
	}
	seen := map[string]bool{}
	for i := range cols {
		l := strings.ToLower(cols[i].Name)
		if seen[l] {
			return fmt.Errorf("duplicate column name %s in table %s", cols[i].Name, a.t.ID)
		}
		seen[l] = true
		if a.convert != "" && cols[i].hasCharset() {
			cols[i].Charset = a.convert
			if a.convert == "binary" {
				cols[i].toBinary()
			}
		}
	}
	a.t.Columns = cols
	a.rekey()
	return nil
}

// rekey follows dropped and renamed columns in the keys.
func (a *alteration) rekey() {
	follow := func(names []string) []string {
		out := names[:0]
		for _, name := range names {
			l := strings.ToLower(name)
			if to, ok := a.renamed[l]; ok {
				out = append(out, to)
			} else if !a.dropped[l] {
				out = append(out, name)
			} else if slices.ContainsFunc(a.placed, func(d *columnDef) bool { return strings.EqualFold(d.col.Name, name) && (d.primary || d.unique) }) {
				out = append(out, name) // dropped and added again with a key of its own
			}
		}
		return out
	}
	for i := range a.t.keys {
		a.t.keys[i].columns = follow(a.t.keys[i].columns)
	}
	a.t.keys = slices.DeleteFunc(a.t.keys, func(k key) bool { return len(k.columns) == 0 && !k.expr })
	a.t.PrimaryKey = follow(a.t.PrimaryKey)
	if !a.t.hasKeys {
		a.t.requireKey()
	}
}

// createIndex is CREATE [UNIQUE] INDEX name ON table (…). If the table has no key and the index is unique, Debezium records the text from
// the word before INDEX on (that of MariaDB: all) and the table, whether the index becomes the key or not; else only the statement.
func (st *statement) createIndex(from int, unique bool) error {
	c := st.c
	c.accept("IF", "NOT", "EXISTS")
	name, err := c.ident()
	if err != nil {
		return err
	}
	if c.acceptAny("USING", "TYPE") {
		c.next()
	}
	if !c.accept("ON") {
		return c.unexpected("ON")
	}
	id, err := st.id()
	if err != nil {
		return err
	}
	old := st.m.Table(id)
	if !unique || old == nil {
		if unique {
			return fmt.Errorf("creating index %s: %w", name, ErrUnknownTable)
		}
		st.other(CreateIndex)
		return nil
	}
	parts, ok := c.parens()
	if !ok {
		return c.unexpected("the key's columns")
	}
	k := key{name: name}
	k.parts(c, parts)
	t := old.clone()
	t.addKey(k)
	t.settle()
	st.m.Put(t)
	if len(old.PrimaryKey) > 0 {
		st.other(CreateIndex)
		return nil
	}
	if st.p.MariaDB {
		from = 0
	}
	st.add(Change{Type: Alter, ID: id, Table: t, DDL: c.text(from)})
	return nil
}

// dropIndex is DROP INDEX name ON table. A key that came from a unique index stays, as in Debezium, unless it was the primary key.
func (st *statement) dropIndex() error {
	c := st.c
	c.accept("IF", "EXISTS")
	name, err := c.ident()
	if err != nil {
		return err
	}
	if !c.accept("ON") {
		return c.unexpected("ON")
	}
	id, err := st.id()
	if err != nil {
		return err
	}
	old := st.m.Table(id)
	if old == nil || !strings.EqualFold(name, "PRIMARY") {
		st.other(DropIndex)
		return nil
	}
	t := old.clone()
	t.dropKey(name)
	t.PrimaryKey = nil
	t.settle()
	st.m.Put(t)
	st.add(Change{Type: Alter, ID: id, Table: t, DDL: c.text(0)})
	return nil
}

package cdc

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connectors/mysql/history"
)

// patterns are regular expressions that must match a whole name, without regard to case.
type patterns []*regexp.Regexp

const anchorStart, anchorEnd = `(?is)\A(?:`, `)\z`

// unanchored is the expression as the user wrote it.
func unanchored(re *regexp.Regexp) string {
	return strings.TrimSuffix(strings.TrimPrefix(re.String(), anchorStart), anchorEnd)
}

// anchored compiles one expression as Debezium does: case-insensitive, the whole name.
func anchored(expr string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(anchorStart + strings.TrimSpace(expr) + anchorEnd)
	if err != nil {
		return nil, fmt.Errorf("%q is no regular expression that can be used here (look-around and back-references cannot): %w",
			strings.TrimSpace(expr), err)
	}
	return re, nil
}

func patternsOf(key string, exprs []string) (patterns, error) {
	var out patterns
	for _, e := range exprs {
		if strings.TrimSpace(e) == "" {
			continue
		}
		re, err := anchored(e)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		out = append(out, re)
	}
	return out, nil
}

func (p patterns) match(s string) bool {
	for _, re := range p {
		if re.MatchString(s) {
			return true
		}
	}
	return false
}

// filters decide which tables and columns are captured (RelationalTableFilters).
type filters struct {
	dbIn, dbOut         nameIndex
	tableIn, tableOut   nameIndex
	columnIn, columnOut nameIndex
	snapshotIn          nameIndex
	signals             map[string]bool // signal tables, in lower case: captured whatever the lists say
	noRows              string          // the first signal table, in lower case: no snapshot reads it
	builtin             bool            // system tables may be captured too
}

func filtersOf(v config.Values) (*filters, error) {
	f := &filters{builtin: !keyTableIgnoreBuiltin.Get(v), signals: map[string]bool{}}
	for _, t := range keySignalDataCollection.Get(v) {
		if t = strings.TrimSpace(t); t != "" {
			f.signals[strings.ToLower(t)] = true
			if len(f.signals) == 1 {
				f.noRows = strings.ToLower(t)
			}
		}
	}
	for _, x := range []struct {
		key *config.Key[[]string]
		to  *nameIndex
	}{
		{keyDatabaseIncludeList, &f.dbIn}, {keyDatabaseExcludeList, &f.dbOut}, {keyTableIncludeList, &f.tableIn},
		{keyTableExcludeList, &f.tableOut}, {keyColumnIncludeList, &f.columnIn}, {keyColumnExcludeList, &f.columnOut},
		{keySnapshotIncludeCollectionList, &f.snapshotIn},
	} {
		ps, err := patternsOf(x.key.Name(), x.key.Get(v))
		if err != nil {
			return nil, err
		}
		*x.to = indexOf(ps)
	}
	return f, nil
}

// builtinDB tells of the server's own databases.
func builtinDB(db string) bool {
	switch strings.ToLower(db) {
	case "mysql", "performance_schema", "sys", "information_schema":
		return true
	}
	return false
}

// database tells whether tables of db may be captured.
func (f *filters) database(db string) bool {
	if !f.builtin && builtinDB(db) {
		return false
	}
	if len(f.dbIn.all) > 0 {
		return f.dbIn.match(db)
	}
	return !f.dbOut.match(db)
}

// table tells whether a table is captured.
func (f *filters) table(id history.TableID) bool {
	if f.signal(id) {
		return true
	}
	if !f.database(id.DB) {
		return false
	}
	if len(f.tableIn.all) > 0 {
		return f.tableIn.match(id.String())
	}
	return !f.tableOut.match(id.String())
}

// signal tells whether a table is a signal table (signal.data.collection).
func (f *filters) signal(id history.TableID) bool {
	return len(f.signals) > 0 && f.signals[strings.ToLower(id.String())]
}

// snapshot tells whether the rows of a captured table are read by the snapshot: not those of the first signal table
// (RelationalSnapshotChangeEventSource.prepareTables).
func (f *filters) snapshot(id history.TableID) bool {
	if f.noRows != "" && strings.ToLower(id.String()) == f.noRows {
		return false
	}
	return len(f.snapshotIn.all) == 0 || f.snapshotIn.match(id.String())
}

// column tells whether a column goes into the value.
func (f *filters) column(id history.TableID, column string) bool {
	name := id.String() + "." + column
	if len(f.columnIn.all) > 0 {
		return f.columnIn.match(name)
	}
	return !f.columnOut.match(name)
}

package cdc

import (
	"encoding/json"
	"fmt"

	"github.com/connectd/connectd/connect/config"
)

// filterTexts is what the offset remembers of the include and exclude lists, so that a later start finds the tables that a change of them
// adds; empty if there are none, as then nothing can be added.
func filterTexts(v config.Values) string {
	m := map[string][]string{}
	for _, k := range []*config.Key[[]string]{keyDatabaseIncludeList, keyDatabaseExcludeList, keyTableIncludeList, keyTableExcludeList} {
		if l := k.Get(v); len(l) > 0 {
			m[k.Name()] = l
		}
	}
	if len(m) == 0 {
		return ""
	}
	b, err := json.Marshal(m) // sorted by key
	if err != nil {           // texts only
		return ""
	}
	return string(b)
}

// filtersOfText are the filters that filterTexts told of.
func filtersOfText(text string, builtin bool) (*filters, error) {
	f := &filters{builtin: builtin}
	var m map[string][]string
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return nil, fmt.Errorf("reading %s of the stored offset: %w", offsetFilters, err)
	}
	for key, to := range map[string]*nameIndex{keyDatabaseIncludeList.Name(): &f.dbIn, keyDatabaseExcludeList.Name(): &f.dbOut,
		keyTableIncludeList.Name(): &f.tableIn, keyTableExcludeList.Name(): &f.tableOut} {
		ps, err := patternsOf(key, m[key])
		if err != nil {
			return nil, err
		}
		*to = indexOf(ps)
	}
	return f, nil
}

package cdc

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/connectd/connectd/connectors/mysql/history"
)

// asked are the tables whose incremental snapshots signals asked for, and how far the first of them has come, in the form of Debezium's
// offsets (AbstractIncrementalSnapshotContext). Immutable.
type asked struct {
	tables    []askedTable
	last, max keyTexts // of the first table
	kinds     string   // of the keys, see javaArray
	signal    string   // id of the signal that came last
}

type askedTable struct {
	id        history.TableID
	condition string // in parentheses, or empty
	surrogate string
	signal    string
}

// The keys of the offset, as Debezium has them.
const (
	offsetAskedTables = "incremental_snapshot_collections"
	offsetAskedLast   = "incremental_snapshot_primary_key"
	offsetAskedMax    = "incremental_snapshot_maximum_key"
	offsetAskedSignal = "incremental_snapshot_correlation_id"
)

type askedDocument struct {
	ID        string  `json:"incremental_snapshot_collections_id"`
	Condition *string `json:"incremental_snapshot_collections_additional_condition"`
	Surrogate *string `json:"incremental_snapshot_collections_surrogate_key"`
	Signal    *string `json:"incremental_snapshot_collections_correlation_id"`
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// appendJSON adds the keys to an offset.
func (a *asked) appendJSON(dst []byte) []byte {
	docs := make([]askedDocument, 0, len(a.tables))
	for _, t := range a.tables {
		docs = append(docs, askedDocument{t.id.String(), orNull(t.condition), orNull(t.surrogate), orNull(t.signal)})
	}
	list, err := json.Marshal(docs)
	if err != nil { // texts only
		return dst
	}
	for _, kv := range [][2]string{{offsetAskedTables, string(list)}, {offsetAskedMax, javaArray(a.max, a.kinds)},
		{offsetAskedLast, javaArray(a.last, a.kinds)}} {
		dst = append(dst, `,"`+kv[0]+`":`...)
		dst = appendJSONString(dst, kv[1])
	}
	if a.signal != "" {
		dst = append(dst, `,"`+offsetAskedSignal+`":`...)
		dst = appendJSONString(dst, a.signal)
	}
	return dst
}

// parseAsked reads the keys; nil if no incremental snapshot was under way. note tells of keys that cannot be read: the first table is
// then read from its start.
func parseAsked(keys map[string]string) (a *asked, note string, err error) {
	var docs []askedDocument
	text, ok := keys[offsetAskedTables]
	if !ok {
		return nil, "", nil
	}
	if err := json.Unmarshal([]byte(text), &docs); err != nil {
		return nil, "", fmt.Errorf("reading %s: %w", offsetAskedTables, err)
	}
	a = &asked{signal: keys[offsetAskedSignal]}
	for _, d := range docs {
		db, name, ok := strings.Cut(d.ID, ".")
		if !ok {
			continue
		}
		a.tables = append(a.tables, askedTable{history.TableID{DB: db, Name: name}, orEmpty(d.Condition), orEmpty(d.Surrogate), orEmpty(d.Signal)})
	}
	if len(a.tables) == 0 {
		return nil, "", nil
	}
	for key, to := range map[string]*keyTexts{offsetAskedLast: &a.last, offsetAskedMax: &a.max} {
		if keys[key] == "" {
			continue
		}
		texts, err := parseJavaArray(keys[key])
		if err != nil {
			a.last, a.max = nil, nil
			return a, fmt.Sprintf("%s cannot be used, table %s is read from its start: %v", key, a.tables[0].id, err), nil
		}
		*to = texts
	}
	a.kinds = strings.Repeat("L", max(len(a.last), len(a.max)))
	return a, "", nil
}

package cdc

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
)

// columnRule is one column.* mapper: what happens to the columns its patterns match.
type columnRule struct {
	match  patterns
	byType bool // patterns match db.table.TYPE instead of db.table.column
	rule   row.Rule
}

// mapper is a kind of column.* key whose name has parameters.
type mapper struct {
	key  *regexp.Regexp
	rule func(params []string) (row.Rule, error)
}

// mappers are in the order Debezium tries them (ColumnMappers); propagate, which has no parameters, stands between mask and hash.
var mappers = []mapper{
	{regexp.MustCompile(`^column\.truncate\.to\.(\d+)\.chars$`), func(p []string) (row.Rule, error) {
		n, err := strconv.Atoi(p[0])
		return row.Rule{Truncate: n, HasTruncate: true}, err
	}},
	{regexp.MustCompile(`^column\.mask\.with\.(\d+)\.chars$`), func(p []string) (row.Rule, error) {
		n, err := strconv.Atoi(p[0])
		return row.Rule{Mask: n, HasMask: true}, err
	}},
	{regexp.MustCompile(`^column\.mask\.hash\.([^.]+)\.with\.salt\.(.+)$`), func(p []string) (row.Rule, error) {
		h, err := row.NewHash(p[0], p[1], false)
		return row.Rule{Hash: h}, err
	}},
	{regexp.MustCompile(`^column\.mask\.hash\.v2\.([^.]+)\.with\.salt\.(.+)$`), func(p []string) (row.Rule, error) {
		h, err := row.NewHash(p[0], p[1], true)
		return row.Rule{Hash: h}, err
	}},
}

// columnRulesOf lists the mappers in the order Debezium tries them: truncate, mask, hash; keys of one kind by name. The error begins
// with the key.
func columnRulesOf(v config.Values) ([]columnRule, error) {
	props := v.Originals()
	keys := make([]string, 0, len(props))
	for k := range props {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var out []columnRule
	add := func(key, list string, byType bool, r row.Rule) error {
		p, err := patternsOf(key, strings.Split(list, ","))
		if err == nil && len(p) > 0 {
			out = append(out, columnRule{p, byType, r})
		}
		return err
	}
	known := map[string]bool{keyColumnMaskHashWithSalt.Name(): true, keyColumnMaskWithDChars.Name(): true, keyColumnTruncateToDChars.Name(): true}
	for _, m := range mappers {
		for _, k := range keys {
			g := m.key.FindStringSubmatch(k)
			if g == nil {
				continue
			}
			known[k] = true
			r, err := m.rule(g[1:])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", maskedSalt(k), err)
			}
			if err := add(k, props[k], false, r); err != nil {
				return nil, err
			}
		}
	}
	for _, k := range keys {
		if !known[k] && (strings.HasPrefix(k, "column.truncate.") || strings.HasPrefix(k, "column.mask.")) {
			return nil, fmt.Errorf("%s: the key has none of the forms column.truncate.to.<n>.chars, column.mask.with.<n>.chars, column.mask.hash[.v2].<algorithm>.with.salt.<salt>", maskedSalt(k))
		}
	}
	if err := add(keyColumnPropagateSourceType.Name(), strings.Join(keyColumnPropagateSourceType.Get(v), ","), false, row.Rule{Propagate: true}); err != nil {
		return nil, err
	}
	return out, add(keyDatatypePropagateSourceType.Name(), strings.Join(keyDatatypePropagateSourceType.Get(v), ","), true, row.Rule{Propagate: true})
}

// maskedSalt is a key whose salt is not shown: with it, hashes of a small set of values can be undone.
func maskedSalt(key string) string {
	if i := strings.Index(key, ".with.salt."); i >= 0 {
		return key[:i] + ".with.salt.[hidden]"
	}
	return key
}

// columnRule is what the column.* keys say of a column: the first of truncate, mask and hash that matches, propagate beside it
// (Debezium: the first of all).
func (s *settings) columnRule(id history.TableID, c *history.Column) row.Rule {
	r := row.Rule{Exclude: !s.filters.column(id, c.Name)}
	name, typed := id.String()+"."+c.Name, id.String()+"."+c.TypeName
	mapped := false
	for i := range s.rules {
		x := &s.rules[i]
		subject := name
		if x.byType {
			subject = typed
		}
		if mapped && !x.rule.Propagate || !x.match.match(subject) {
			continue
		}
		if x.rule.Propagate {
			r.Propagate = true
			continue
		}
		mapped = true
		r.Truncate, r.HasTruncate, r.Mask, r.HasMask, r.Hash = x.rule.Truncate, x.rule.HasTruncate, x.rule.Mask, x.rule.HasMask, x.rule.Hash
	}
	return r
}

package cdc

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/connectd/connectd/connect/config"
)

// The classes of topic.naming.strategy. Schema… name topics after schema and table; MySQL has no schemas, so only the table is left. Without
// the key, Debezium takes Default… (BinlogConnectorConfig.TOPIC_NAMING_STRATEGY), though its config definition tells another default.
const (
	namingPackage = "io.debezium.schema."
	namingSuffix  = "TopicNamingStrategy"
)

var namingClasses = []string{"Schema", "Default", "SchemaUnicode", "DefaultUnicode", "SchemaRegex", "DefaultRegex"}

// strategy takes over topic.naming.strategy and the keys that come with it. The error begins with the key.
func (n *names) strategy(v config.Values) error {
	class, ok := strings.CutPrefix(strings.TrimSpace(keyTopicNamingStrategy.Get(v)), namingPackage)
	kind, ok2 := strings.CutSuffix(class, namingSuffix)
	if !ok || !ok2 || !slices.Contains(namingClasses, kind) {
		return fmt.Errorf("%s: %s is no naming strategy that can be used here (Java classes cannot be loaded): %s{%s}%s can", keyTopicNamingStrategy.Name(),
			keyTopicNamingStrategy.Get(v), namingPackage, strings.Join(namingClasses, ", "), namingSuffix)
	}
	n.flat = keyTopicNamingStrategy.IsSet(v) && strings.HasPrefix(kind, "Schema")
	switch {
	case strings.HasSuffix(kind, "Unicode"):
		n.unicode = true
	case strings.HasSuffix(kind, "Regex"):
		var err error
		n.regex, err = topicRegexOf(v)
		return err
	}
	return nil
}

// topicRegex rewrites the topics of tables, so that several tables share one (AbstractRegexTopicNamingStrategy).
type topicRegex struct {
	topics   rewrite
	keyField string // of every key; empty: keys stay as they are
	keys     *rewrite
}

func topicRegexOf(v config.Values) (*topicRegex, error) {
	t := &topicRegex{}
	var err error
	if t.topics, err = rewriteOf(keyTopicRegex.Name(), keyTopicRegex.Get(v), keyTopicReplacement.Name(), keyTopicReplacement.Get(v)); err != nil {
		return nil, err
	}
	if keyTopicKeyEnforceUniqueness.Get(v) {
		t.keyField = keyTopicKeyFieldName.Get(v)
	}
	if strings.TrimSpace(keyTopicKeyFieldRegex.Get(v)) != "" {
		keys, err := rewriteOf(keyTopicKeyFieldRegex.Name(), keyTopicKeyFieldRegex.Get(v), keyTopicKeyFieldReplacement.Name(), keyTopicKeyFieldReplacement.Get(v))
		if err != nil {
			return nil, err
		}
		t.keys = &keys
	}
	return t, nil
}

// topic is the topic in place of the one a table would have.
func (t *topicRegex) topic(topic string) string {
	if to := t.topics.apply(topic); to != "" {
		return to
	}
	return topic // Debezium warns, and keeps it
}

// table is what the key says of the table.
func (t *topicRegex) table(topic string) string {
	if t.keys == nil {
		return topic
	}
	return t.keys.apply(topic)
}

// rewrite replaces a name that a pattern matches as a whole.
type rewrite struct {
	whole, find *regexp.Regexp
	to          []rewritePart
}

// rewritePart is a text, or the group of a number.
type rewritePart struct {
	text  string
	group int // -1: the text
}

func rewriteOf(key, expr, toKey, to string) (r rewrite, err error) {
	if strings.TrimSpace(expr) == "" {
		return r, fmt.Errorf("%s: A value is required", key)
	}
	if strings.TrimSpace(to) == "" {
		return r, fmt.Errorf("%s: %s must be non-empty if %s is set.", toKey, toKey, key)
	}
	if r.find, err = regexp.Compile(expr); err != nil {
		return r, fmt.Errorf("%s: %q is no regular expression that can be used here (look-around and back-references cannot): %w", key, expr, err)
	}
	r.whole = regexp.MustCompile(`\A(?:` + expr + `)\z`)
	if r.to, err = replacementOf(to, r.find); err != nil {
		return r, fmt.Errorf("%s: %w", toKey, err)
	}
	return r, nil
}

// apply is Java's: if the pattern matches all of s, its first find is replaced (Matcher.matches, replaceFirst).
func (r *rewrite) apply(s string) string {
	if !r.whole.MatchString(s) {
		return s
	}
	m := r.find.FindStringSubmatchIndex(s)
	var b strings.Builder
	b.WriteString(s[:m[0]])
	for _, p := range r.to {
		switch {
		case p.group < 0:
			b.WriteString(p.text)
		case m[2*p.group] >= 0:
			b.WriteString(s[m[2*p.group]:m[2*p.group+1]])
		}
	}
	b.WriteString(s[m[1]:])
	return b.String()
}

// replacementOf reads a replacement as Java's Matcher.appendReplacement does: $1, ${name}, and \ before any character.
func replacementOf(s string, re *regexp.Regexp) (out []rewritePart, err error) {
	var text strings.Builder
	group := func(n int) {
		if text.Len() > 0 {
			out = append(out, rewritePart{text.String(), -1})
			text.Reset()
		}
		out = append(out, rewritePart{group: n})
	}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			if i++; i == len(s) {
				return nil, fmt.Errorf(`%q ends with \`, s)
			}
			text.WriteByte(s[i])
		case s[i] != '$':
			text.WriteByte(s[i])
		case strings.HasPrefix(s[i:], "${"):
			name, _, ok := strings.Cut(s[i+2:], "}")
			n := re.SubexpIndex(name)
			if !ok || n < 0 {
				return nil, fmt.Errorf("%q names a group that the pattern does not have: %s", s, name)
			}
			group(n)
			i += 2 + len(name)
		default:
			n, digits := groupNumber(s[i+1:], re.NumSubexp())
			if digits == 0 {
				return nil, fmt.Errorf(`%q refers to a group that the pattern does not have; \$ is a dollar sign`, s)
			}
			group(n)
			i += digits
		}
	}
	if text.Len() > 0 {
		out = append(out, rewritePart{text.String(), -1})
	}
	return out, nil
}

// groupNumber reads as many digits as make the number of a group; digits is 0 if there is none.
func groupNumber(s string, groups int) (n, digits int) {
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		next := n*10 + int(s[digits]-'0')
		if next > groups {
			break
		}
		n = next
		digits++
	}
	return n, digits
}

// unicodeEscaped writes characters that a topic cannot have, and the underscore that marks them, as _uXXXX
// (AbstractUnicodeTopicNamingStrategy, UnicodeReplacementFunction).
func unicodeEscaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		if topicChar(r) && r != '_' {
			b.WriteRune(r)
			continue
		}
		for _, u := range utf16.AppendRune(nil, r) {
			hex := fmt.Sprintf("%x", u)
			if len(hex) <= 2 { // as Debezium: 00 and what there is, so that three digits stay three
				hex = "00" + hex
			}
			b.WriteString("_u" + hex)
		}
	}
	return b.String()
}

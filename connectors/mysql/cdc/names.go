package cdc

import (
	"fmt"
	"strings"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connectors/mysql/history"
)

// names makes topic and schema names (DefaultTopicNamingStrategy, SchemaNameAdjuster).
type names struct {
	prefix          string
	delimiter       string
	heartbeatPrefix string
	heartbeatName   string
	transaction     string
	adjust          func(string) string // schema names; nil: as they are
}

func namesOf(v config.Values) names {
	return names{
		prefix: keyTopicPrefix.Get(v), delimiter: keyTopicDelimiter.Get(v),
		heartbeatPrefix: keyTopicHeartbeatPrefix.Get(v), heartbeatName: keyTopicHeartbeatName.Get(v),
		transaction: keyTopicTransaction.Get(v),
		adjust:      adjuster(keySchemaNameAdjustmentMode.Get(v), true),
	}
}

// table is the topic of a table.
func (n names) table(id history.TableID) string {
	return sanitize(n.prefix + n.delimiter + id.DB + n.delimiter + id.Name)
}

// schemaChanges is the topic of schema changes.
func (n names) schemaChanges() string { return sanitize(n.prefix) }

// heartbeat is the topic of heartbeats.
func (n names) heartbeat() string {
	if n.heartbeatName != "" {
		return sanitize(n.heartbeatName)
	}
	return sanitize(n.heartbeatPrefix + n.delimiter + n.prefix)
}

// transactions is the topic of transaction metadata.
func (n names) transactions() string { return sanitize(n.prefix + n.delimiter + n.transaction) }

// schema is the name of the schema kind (Key, Value, Envelope) of the records of a topic.
func (n names) schema(topic, kind string) string { return n.adjusted(topic + "." + kind) }

func (n names) adjusted(name string) string {
	if n.adjust == nil {
		return name
	}
	return n.adjust(name)
}

// sanitize puts an underscore in place of each character a topic name cannot have. Java counts UTF-16 units: a character beyond the
// basic plane becomes two.
func sanitize(s string) string {
	ok := true
	for i := range len(s) {
		if !topicChar(rune(s[i])) {
			ok = false
			break
		}
	}
	if ok {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case topicChar(r):
			b.WriteRune(r)
		case r > 0xFFFF:
			b.WriteString("__")
		default:
			b.WriteByte('_')
		}
	}
	return b.String()
}

func topicChar(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
}

// adjuster makes names valid for Avro: 'avro' puts an underscore in place of other characters, 'avro_unicode' _uXXXX.
// dots tells whether names may have them: those of schemas, not of fields. nil for none.
func adjuster(mode string, dots bool) func(string) string {
	var replace func(b *strings.Builder, r rune)
	switch strings.ToLower(mode) {
	case "avro":
		replace = func(b *strings.Builder, _ rune) { b.WriteByte('_') }
	case "avro_unicode":
		replace = func(b *strings.Builder, r rune) { fmt.Fprintf(b, "_u%04x", r) }
	default:
		return nil
	}
	return func(s string) string {
		var b strings.Builder
		for i, r := range s {
			letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
			if letter || i > 0 && (r >= '0' && r <= '9' || dots && r == '.') {
				b.WriteRune(r)
			} else {
				replace(&b, r)
			}
		}
		return b.String()
	}
}

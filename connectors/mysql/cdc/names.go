package cdc

import (
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connectors/mysql/history"
)

// names makes topic and schema names (topic.naming.strategy, SchemaNameAdjuster).
type names struct {
	prefix          string
	delimiter       string
	heartbeatPrefix string
	heartbeatName   string
	transaction     string
	adjust          func(string) string // schema names; nil: as they are
	unicode         bool                // of topics of tables: characters a topic cannot have become _uXXXX
	flat            bool                // topics of tables are without the database
	regex           *topicRegex         // nil: topics of tables are not rewritten
}

// namesOf reads the keys. The error begins with the key.
func namesOf(v config.Values) (names, error) {
	n := names{
		prefix: keyTopicPrefix.Get(v), delimiter: keyTopicDelimiter.Get(v),
		heartbeatPrefix: keyTopicHeartbeatPrefix.Get(v), heartbeatName: keyTopicHeartbeatName.Get(v),
		transaction: keyTopicTransaction.Get(v),
		adjust:      adjuster(keySchemaNameAdjustmentMode.Get(v), true),
	}
	err := n.strategy(v)
	return n, err
}

// table is the topic of a table.
func (n names) table(id history.TableID) string {
	topic := n.original(id)
	if n.unicode {
		topic = unicodeEscaped(topic)
	}
	if topic = sanitize(topic); len(topic) > maxTopicName {
		topic = topic[:maxTopicName]
	}
	if n.regex != nil {
		topic = n.regex.topic(topic)
	}
	return topic
}

// maxTopicName is the most characters of a topic's name (Kafka's Topic.MAX_NAME_LENGTH); longer ones are cut, as in Debezium.
const maxTopicName = 249

// original is the topic before characters are replaced and a pattern is applied.
func (n names) original(id history.TableID) string {
	if n.flat {
		return n.prefix + n.delimiter + id.Name
	}
	return n.prefix + n.delimiter + id.DB + n.delimiter + id.Name
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

// adjuster makes names valid for Avro: 'avro' puts an underscore in place of other characters, 'avro_unicode' _uXXXX, for underscores,
// too (SchemaNameAdjuster). dots tells whether names may have them: those of schemas, not of fields. nil for none.
func adjuster(mode string, dots bool) func(string) string {
	unicode := false
	switch strings.ToLower(mode) {
	case "avro":
	case "avro_unicode":
		unicode = true
	default:
		return nil
	}
	return func(s string) string {
		var b strings.Builder
		for i, u := range utf16.Encode([]rune(s)) {
			r := rune(u)
			letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' && !unicode
			digit := r >= '0' && r <= '9'
			switch {
			case letter || i > 0 && (digit || dots && r == '.'):
				b.WriteRune(r)
			case !unicode:
				b.WriteByte('_')
				if digit {
					b.WriteRune(r)
				}
			case r <= 0xFF: // Java fills up to four digits only what has at most two
				fmt.Fprintf(&b, "_u00%x", r)
			default:
				fmt.Fprintf(&b, "_u%x", r)
			}
		}
		return b.String()
	}
}

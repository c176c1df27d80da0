package predicates

import (
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// Plugins are the predicates of Apache Kafka of the given version.
func Plugins(version string) []connect.Plugin[connect.Predicate] {
	var out []connect.Plugin[connect.Predicate]
	for _, p := range []struct {
		name, summary string
		def           *config.Def
		make          func() connect.Predicate
	}{
		{"HasHeaderKey", "True for records with a header of the name.", hasHeaderKeyDef, func() connect.Predicate { return new(hasHeaderKey) }},
		{"RecordIsTombstone", "True for records whose value is null.", tombstoneDef, func() connect.Predicate { return recordIsTombstone{} }},
		{"TopicNameMatches", "True for records whose topic matches the pattern.", topicNameDef, func() connect.Predicate { return new(topicNameMatches) }},
	} {
		class := "org.apache.kafka.connect.transforms.predicates." + p.name
		out = append(out, connect.Plugin[connect.Predicate]{
			Name: class, Aliases: []string{class[strings.LastIndexByte(class, '.')+1:]}, Version: version, Summary: p.summary,
			Config: p.def, New: p.make,
		})
	}
	return out
}

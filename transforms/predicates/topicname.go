package predicates

import (
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/transforms/internal/javaregex"
)

var (
	topicPattern = config.String("pattern").Required().Valid(config.NonEmpty()).
			Valid(config.Validator[string]{Check: javaregex.Check, Doc: "valid regex"}).
			Doc("A Java regular expression for matching against the name of a record's topic.")
	topicNameDef = config.NewDef(topicPattern)
)

// maxTopics bounds the cache of topics a predicate has seen.
const maxTopics = 4096

// topicNameMatches is org.apache.kafka.connect.transforms.predicates.TopicNameMatches.
type topicNameMatches struct {
	pattern javaregex.Regex
	seen    map[string]bool
}

// Configure compiles the pattern.
func (p *topicNameMatches) Configure(v config.Values) (err error) {
	p.pattern, err = javaregex.Compile(topicPattern.Get(v))
	p.seen = map[string]bool{}
	return err
}

// Test tells whether the pattern matches the whole topic.
func (p *topicNameMatches) Test(r *connect.Record) bool {
	is, ok := p.seen[r.Topic]
	if !ok {
		is = p.pattern.Full.MatchString(r.Topic)
		if len(p.seen) >= maxTopics {
			clear(p.seen)
		}
		p.seen[strings.Clone(r.Topic)] = is // the record's own may lie in memory that is used again
	}
	return is
}

// Close does nothing.
func (*topicNameMatches) Close() error { return nil }

package transforms

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/transforms/internal/javaregex"
)

var (
	regexRouterRegex = config.String("regex").Required().Importance(config.High).
				Valid(config.Validator[string]{Check: javaregex.Check, Doc: "valid regex"}).
				Doc("Regular expression to use for matching.")
	regexRouterReplacement = config.String("replacement").Required().Importance(config.High).Doc("Replacement string.")
	regexRouterDef         = config.NewDef(regexRouterRegex, regexRouterReplacement)
)

// maxTopics bounds the cache of topics a router has seen.
const maxTopics = 4096

// regexRouter is org.apache.kafka.connect.transforms.RegexRouter.
type regexRouter struct {
	noClose
	regex       javaregex.Regex
	replacement []piece
	bad         error // what is wrong with the replacement; Java notices at the first topic that matches
	topics      map[string]string
}

// Configure compiles the pattern and the replacement.
func (t *regexRouter) Configure(v config.Values) (err error) {
	if t.regex, err = javaregex.Compile(regexRouterRegex.Get(v)); err != nil {
		return err
	}
	t.replacement, t.bad = parseReplacement(regexRouterReplacement.Get(v), t.regex.Find.NumSubexp(), t.regex.Find.SubexpIndex)
	t.topics = map[string]string{}
	return nil
}

// Apply renames the topic if the pattern matches all of it.
func (t *regexRouter) Apply(_ context.Context, r *connect.Record) (bool, error) {
	to, ok := t.topics[r.Topic]
	if !ok {
		topic := strings.Clone(r.Topic) // the record's own may lie in memory that is used again
		var err error
		if to, err = t.route(topic); err != nil {
			return false, err
		}
		if len(t.topics) >= maxTopics {
			clear(t.topics)
		}
		t.topics[topic] = to
	}
	r.Topic = to
	return true, nil
}

func (t *regexRouter) route(topic string) (string, error) {
	if !t.regex.Full.MatchString(topic) {
		return topic, nil
	}
	// replaceFirst searches again, and what it finds may be shorter than the topic.
	m := t.regex.Find.FindStringSubmatchIndex(topic)
	if m == nil {
		return topic, nil
	}
	if t.bad != nil {
		return "", t.bad
	}
	out := append([]byte{}, topic[:m[0]]...)
	for _, p := range t.replacement {
		switch {
		case p.group < 0:
			out = append(out, p.text...)
		case m[2*p.group] >= 0:
			out = append(out, topic[m[2*p.group]:m[2*p.group+1]]...)
		}
	}
	return string(append(out, topic[m[1]:]...)), nil
}

// piece is literal text, or a group of the match when group >= 0.
type piece struct {
	text  string
	group int
}

// parseReplacement reads the replacement string of java.util.regex.Matcher.replaceFirst: $1, ${name} and \ before a literal.
func parseReplacement(s string, groups int, named func(string) int) ([]piece, error) {
	var out []piece
	var literal []byte
	flush := func() {
		if len(literal) > 0 {
			out = append(out, piece{string(literal), -1})
			literal = nil
		}
	}
	for i := 0; i < len(s); {
		switch s[i] {
		case '\\':
			if i+1 == len(s) {
				return nil, errors.New("character to be escaped is missing")
			}
			literal = append(literal, s[i+1])
			i += 2
		case '$':
			flush()
			group, n, err := groupReference(s[i+1:], groups, named)
			if err != nil {
				return nil, err
			}
			out = append(out, piece{group: group})
			i += 1 + n
		default:
			literal = append(literal, s[i])
			i++
		}
	}
	flush()
	return out, nil
}

// groupReference reads what follows a dollar sign.
func groupReference(s string, groups int, named func(string) int) (group, n int, err error) {
	switch {
	case s == "":
		return 0, 0, errors.New("Illegal group reference: group index is missing")
	case s[0] == '{':
		for n = 1; n < len(s) && isWord(s[n]); n++ {
		}
		name := s[1:n]
		switch {
		case name == "":
			return 0, 0, errors.New("named capturing group is missing trailing '}'")
		case n == len(s) || s[n] != '}':
			return 0, 0, errors.New("named capturing group is missing trailing '}'")
		case isDigit(name[0]):
			return 0, 0, errors.New("capturing group name {" + name + "} starts with digit character")
		case named(name) < 0:
			return 0, 0, errors.New("No group with name {" + name + "}")
		}
		return named(name), n + 1, nil
	case !isDigit(s[0]):
		return 0, 0, errors.New("Illegal group reference")
	}
	group = int(s[0] - '0')
	if group > groups {
		return 0, 0, errors.New("No group " + strconv.Itoa(group))
	}
	// More digits count as long as there is such a group.
	for n = 1; n < len(s) && isDigit(s[n]); n++ {
		next := 10*group + int(s[n]-'0')
		if next > groups {
			break
		}
		group = next
	}
	return group, n, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

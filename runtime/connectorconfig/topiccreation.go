package connectorconfig

import (
	"errors"
	"regexp"
	"slices"

	"github.com/connectd/connectd/connect/config"
)

const (
	topicCreationPrefix  = "topic.creation."
	defaultCreationGroup = "default"
)

// topicCreationKeys are the keys of one group (Java: TopicCreationConfig). The default group must say its numbers; the others inherit
// them.
type topicCreationKeys struct {
	include, exclude *config.Key[[]string]
	replication      *config.Key[int16]
	partitions       *config.Key[int32]
}

func newTopicCreationKeys() topicCreationKeys {
	k := topicCreationKeys{
		include: config.List("include").Default([]string{}).Importance(config.Low).Check(regexes).
			Doc("Regular expressions; a topic whose whole name matches one is created with the settings of this group."),
		exclude: config.List("exclude").Default([]string{}).Importance(config.Low).Check(regexes).
			Doc("Regular expressions; a topic whose whole name matches one does not belong to this group. It wins over include."),
		replication: config.Short("replication.factor").Required().Importance(config.Low).Check(func(n int16) error {
			if n < 1 && n != -1 {
				return errors.New("Replication factor must be positive and not larger than the number of brokers in the Kafka cluster, or -1 to use the broker's default")
			}
			return nil
		}).Doc("Replication factor of new topics; -1 is the broker's default."),
		partitions: config.Int("partitions").Required().Importance(config.Low).Check(func(n int32) error {
			if n < 1 && n != -1 {
				return errors.New("Number of partitions must be positive, or -1 to use the broker's default")
			}
			return nil
		}).Doc("Number of partitions of new topics; -1 is the broker's default."),
	}
	return k
}

func (k topicCreationKeys) def() *config.Def {
	return config.NewDef(k.include, k.exclude, k.replication, k.partitions)
}

func regexes(list []string) error {
	for _, s := range list {
		if _, err := regexp.Compile(s); err != nil {
			return errors.New("Syntax error in regular expression: " + regexProblem(s, err))
		}
	}
	return nil
}

// topicRules reads the groups of topic.creation; nil if the config has none of its keys (Java: SourceConnectorConfig.enrich).
func topicRules(props config.Props) ([]TopicRule, error) {
	if !usesTopicCreation(props) {
		return nil, nil
	}
	standard, err := topicRule(newTopicCreationKeys(), props, defaultCreationGroup)
	errs := []error{err}
	// The default group takes every topic the others leave.
	standard.Include, standard.Exclude = []string{".*"}, nil
	var rules []TopicRule
	for _, group := range aliases(keyCreationGroups, props) {
		if group == defaultCreationGroup {
			continue
		}
		k := newTopicCreationKeys()
		k.replication.Default(standard.ReplicationFactor)
		k.partitions.Default(standard.Partitions)
		if err := errs[0]; err != nil { // say it once
			k.replication.Default(-1)
			k.partitions.Default(-1)
		}
		rule, err := topicRule(k, props, group)
		errs = append(errs, err)
		rules = append(rules, rule)
	}
	return append(rules, standard), errors.Join(errs...)
}

func topicRule(k topicCreationKeys, props config.Props, group string) (TopicRule, error) {
	prefix := topicCreationPrefix + group + "."
	own := props.WithPrefix(prefix)
	if group == defaultCreationGroup {
		delete(own, "include")
		delete(own, "exclude")
	}
	v, err := config.NewDef().EmbedGroup(prefix, "Topic Creation: "+group, 0, k.def()).Parse(withPrefix(own, prefix))
	v = v.Sub(prefix)
	r := TopicRule{
		Group: group, Include: k.include.Get(v), Exclude: k.exclude.Get(v),
		ReplicationFactor: k.replication.Get(v), Partitions: k.partitions.Get(v), Configs: config.Props{},
	}
	for key, value := range own {
		if !slices.Contains([]string{"include", "exclude", "replication.factor", "partitions"}, key) {
			r.Configs[key] = value
		}
	}
	return r, err
}

func withPrefix(p config.Props, prefix string) config.Props {
	out := make(config.Props, len(p))
	for k, v := range p {
		out[prefix+k] = v
	}
	return out
}

// Matches tells whether a new topic belongs to the group: it matches an include and no exclude. The default group takes what is left.
func (r TopicRule) Matches(topic string) (bool, error) {
	if r.Group == defaultCreationGroup {
		return true, nil
	}
	excluded, err := anyMatches(r.Exclude, topic)
	if err != nil || excluded {
		return false, err
	}
	return anyMatches(r.Include, topic)
}

func anyMatches(exprs []string, topic string) (bool, error) {
	for _, s := range exprs {
		re, err := CompileTopicsRegex(s)
		if err != nil {
			return false, err
		}
		if re.MatchString(topic) {
			return true, nil
		}
	}
	return false, nil
}

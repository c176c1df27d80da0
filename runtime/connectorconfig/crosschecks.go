package connectorconfig

import (
	"slices"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

const consumerGroupID = "consumer.override.group.id"

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// checkSink is SinkConnectorConfig.validate and DistributedHerder.validateSinkConnectorGroupId.
func (v *validation) checkSink(results []config.KeyResult) []config.KeyResult {
	topics, regex := v.props[keyTopics.Name()], v.props[keyTopicsRegex.Name()]
	both := func(message string) {
		find(results, keyTopics.Name()).AddError(message)
		find(results, keyTopicsRegex.Name()).AddError(message)
	}
	switch {
	case !blank(topics) && !blank(regex):
		both("topics and topics.regex are mutually exclusive options, but both are set.")
	case blank(topics) && blank(regex):
		both("Must configure one of topics or topics.regex")
	}
	v.checkDeadLetterTopic(results, topics, regex)
	if v.worker.Distributed {
		results = v.checkConsumerGroup(results)
	}
	return results
}

func (v *validation) checkDeadLetterTopic(results []config.KeyResult, topics, regex string) {
	dlq := strings.TrimSpace(v.props[keyDlqTopic.Name()])
	if dlq == "" {
		return
	}
	if list := topicList(v.props); !blank(topics) && slices.Contains(list, dlq) {
		find(results, keyTopics.Name()).AddError("The DLQ topic '" + dlq + "' may not be included in the list of topics ('topics=[" +
			strings.Join(list, ", ") + "]') consumed by the connector")
	}
	if re, err := CompileTopicsRegex(regex); !blank(regex) && err == nil && re.MatchString(dlq) {
		find(results, keyTopicsRegex.Name()).AddError("The DLQ topic '" + dlq + "' may not be matched by the regex for the topics ('topics.regex=" +
			regex + "') consumed by the connector")
	}
}

// topicList is what topics names, each once, empty ones left out.
func topicList(p config.Props) []string {
	v, _ := config.NewDef(keyTopics).Parse(p)
	var out []string
	for _, t := range keyTopics.Get(v) {
		if t != "" && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// checkConsumerGroup: the consumer of a sink must not join the group of the workers.
func (v *validation) checkConsumerGroup(results []config.KeyResult) []config.KeyResult {
	if group, ok := v.props[consumerGroupID]; ok {
		r := config.KeyResult{Name: consumerGroupID, Value: &group, Recommended: []string{}, Errors: []string{}, Visible: true}
		if group == v.worker.GroupID {
			r.AddError("Consumer group " + group + " conflicts with Connect worker group " + v.worker.GroupID)
		}
		return append(results, r)
	}
	r := find(results, keyName.Name())
	if r.Value != nil && v.worker.GroupID == "connect-"+*r.Value {
		r.AddError("Consumer group for sink connector named " + *r.Value + " conflicts with Connect worker group " + v.worker.GroupID)
	}
	return results
}

// checkSource is DistributedHerder.validateSourceConnectorExactlyOnceSupport and …TransactionBoundary; standalone has neither.
func (v *validation) checkSource(results []config.KeyResult) {
	if !v.worker.Distributed {
		return
	}
	values, _ := v.connector.def.Parse(v.props)
	once := find(results, keyExactlyOnceSupport.Name())
	if len(once.Errors) == 0 && is(once.Value, "required") {
		v.checkExactlyOnce(once, values)
	}
	boundary := find(results, keyBoundary.Name())
	if len(boundary.Errors) == 0 && is(boundary.Value, "connector") {
		v.checkBoundary(boundary, values)
	}
}

func is(value *string, want string) bool {
	return value != nil && strings.EqualFold(strings.TrimSpace(*value), want)
}

const unexpected = "An unexpected error occurred during validation: "

func (v *validation) checkExactlyOnce(r *config.KeyResult, values config.Values) {
	if !v.worker.ExactlyOnceSource {
		r.AddError("This worker does not have exactly-once source support enabled.")
	}
	err := contained("asking for exactly-once support", func() error {
		c, ok := v.connector.source.New().(connect.ExactlyOnce)
		switch {
		case !ok:
			r.AddError("The connector does not implement the API required for preflight validation of exactly-once " +
				"source support. Please consult the documentation for the connector to determine whether it supports exactly-once " +
				"semantics, and then consider reconfiguring the connector to use the value \"requested\" for this property " +
				"(which will disable this preflight check and allow the connector to be created).")
		case c.ExactlyOnceSupport(values) != connect.Supported:
			r.AddError("The connector does not support exactly-once semantics with the provided configuration.")
		}
		return nil
	})
	if err != nil {
		r.AddError(unexpected + err.Error())
	}
}

func (v *validation) checkBoundary(r *config.KeyResult, values config.Values) {
	err := contained("asking for transaction boundaries", func() error {
		c, ok := v.connector.source.New().(connect.ExactlyOnce)
		if !ok || !c.CanDefineTransactionBoundaries(values) {
			r.AddError("The connector does not support connector-defined transaction boundaries with the given configuration. " +
				"Please reconfigure it to use a different transaction boundary definition.")
		}
		return nil
	})
	if err != nil {
		r.AddError(unexpected + err.Error())
	}
}

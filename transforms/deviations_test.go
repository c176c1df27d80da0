package transforms_test

const (
	noTimestamp = "a timestamp of -1 is no timestamp (connect.NoTimestamp), as in Kafka's own records"
	mixedList   = "a list or map without a common element schema has no schema, not one with null parts"
)

// The cases whose result differs from Java's on purpose, by id. A case that passes must leave the list.
var apacheDeviations = map[string]string{
	"insertfield-0077": noTimestamp, "insertfield-0085": noTimestamp, "insertfield-0101": noTimestamp,
	"tsrouter-0009": noTimestamp, "tsrouter-0025": noTimestamp, "tsrouter-0029": noTimestamp, "tsrouter-0035": noTimestamp,
	"tsrouter-0047": noTimestamp, "tsrouter-0063": noTimestamp,
	"chain-0023": noTimestamp, "chain-0059": noTimestamp, "chain-0211": noTimestamp, "chain-0363": noTimestamp,
	"tsrouter-0041":           "the message names the topic, not the whole record: values stay out of logs",
	"insertheader-0017":       mixedList,
	"insertheader-0019":       mixedList,
	"insertfield-config-0003": "the message names the field, not the address of a Java object",
	"mask-typed-0026":         "maps are named java.util.HashMap in messages, whatever class made them",
}

var debeziumDeviations = map[string]string{
	"unwrap-config-0002": "the message says what is wrong with which key; Java's is \"Unable to validate config.\"",
}

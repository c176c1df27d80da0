//go:build integration

package rest

import (
	"encoding/json"
	"fmt"
	"slices"
)

// deviation is a call that is answered differently than by Java, on purpose or because something is not built yet.
type deviation struct {
	reason string
	// status of the answer; an error body has the same code and a message.
	status int
}

const badInput = "input of the client's that Java answers with 500 and the text of an internal exception is a bad request"

var deviations = map[int]deviation{
	29:  {badInput, 400},
	70:  {badInput, 400},
	71:  {badInput, 400},
	72:  {badInput, 400},
	73:  {badInput, 400},
	74:  {badInput, 400},
	79:  {badInput, 400},
	80:  {badInput, 400},
	83:  {"the message lists the connectors that there are, and does not begin with the name of an exception class", 400},
	87:  {badInput, 400},
	88:  {badInput, 400},
	91:  {badInput, 400},
	92:  {badInput, 400},
	138: {badInput, 400},
}

func (d deviation) check(a answer) error {
	if a.status != d.status {
		return fmt.Errorf("status %d in place of %d: %.600s", a.status, d.status, a.body)
	}
	if d.status < 400 {
		return nil
	}
	var m struct {
		Code    int    `json:"error_code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(a.body, &m); err != nil {
		return fmt.Errorf("reading the error %q: %w", a.body, err)
	}
	if m.Code != d.status || m.Message == "" {
		return fmt.Errorf("error_code %d with message %q", m.Code, m.Message)
	}
	return nil
}

// wireDeviations are the calls of testdata/wire-calls.jsonl that are answered differently than by Java, by the reason.
var wireDeviations = map[string][]string{
	"connectd has other loggers": {"get37"},
	"OPTIONS of a client that says nothing of what it accepts is answered in JSON": {
		"options/", "options/health", "options/connectors", "options/connectors/nope", "options/connectors/nope/config",
		"options/connectors/nope/status", "options/connectors/nope/restart", "options/connectors/nope/pause", "options/connectors/nope/resume",
		"options/connectors/nope/stop", "options/connectors/nope/tasks", "options/connectors/nope/tasks/0/status",
		"options/connectors/nope/tasks/0/restart", "options/connectors/nope/topics", "options/connectors/nope/topics/reset",
		"options/connectors/nope/offsets", "options/connectors/nope/fence", "options/connector-plugins", "options/connector-plugins/x/config",
		"options/connector-plugins/x/config/validate", "options/admin/loggers", "options/admin/loggers/x",
	},
	"OPTIONS * is answered by the HTTP server": {"options-star"},
	"values that may be secret are hidden, and nulls not shown, in a message about a config without a class": {
		"create-noclass", "create-nullclass", "put-noclass", "putnew-noclass", "put-nullclass", "putnew-nullclass", "patch-delclass",
	},
	"a class that is no plugin is not looked for among Java's": {
		"create-converterint", "val-convbad", "plugin-java.lang.String", "plugin-org.apache.kafka.connect.transforms.Cast",
		"plugin-org.apache.kafka.connect.mirror.MirrorSourceConnector",
	},
	"Java's JsonConverter is there twice, as converter and header converter": {
		"create-kcversion", "val-kcversion", "val-hcversion", "plugin-org.apache.kafka.connect.json.JsonConverter?version=9.9.9",
	},
	"transforms have their short names in any installation":               {"plugin-Cast$Value", "plugin-HoistField$Value", "val-smtalias"},
	"the recorded worker had no MySQL connector":                          {"plugin-io.debezium.connector.mysql.MySqlConnector", "plugin-MySqlConnector", "plugin-MySql"},
	"the text about a version range that cannot be read":                  {"create-cpversionbad"},
	"an empty version is any":                                             {"plugin-FileStreamSource?version=", "val-cpversionempty"},
	"null is one error of a key, not two":                                 {"c-null-put", "c-null-val"},
	"braces in a name are taken":                                          {"name11-create"},
	"a body that is missing is told before the connector that is missing": {"patchgone-empty", "patchgone-null"},
	"the message does not begin with the name of an exception class":      {"put-badclass", "putnew-badclass", "patch-badclass"},
	"a task of a stopped connector is unknown":                            {"life-restart-stopped-task"},
	"removed offsets are not listed, and the others in the order of their partitions' texts": {
		"off-src-nooff-get", "off-src-big-get", "off-src-ok-get", "off-src-two-get", "off-src-twice-get",
	},
	"how many records there are by then": {"off-sink-get"},
	"empty headers are none":             {"int-tasks7", "int-fence7", "int-gone7"},
	"client overrides have documentation of connectd's, and their errors are those of single keys": {"val-srcover", "val-srcoverok", "val-sinkover"},
	"Java stumbles over an unknown version":                                                        {"val-cpversion"},
	"of the expansions of a connector info comes first":                                            {"expand-status&expand=info", "two-status"},
	"the order of the words":                                                                       {"create-exactlybad"},
}

// wireDeviation tells why a call may be answered differently.
func wireDeviation(id string) (reason string, ok bool) {
	for reason, ids := range wireDeviations {
		if slices.Contains(ids, id) {
			return reason, true
		}
	}
	return "", false
}

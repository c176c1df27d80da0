package workerconfig

import (
	"os"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
)

// restDeviations are values that are read differently than by Java, by the reason.
var restDeviations = map[string][]string{
	"Java fails later: when the server is set up or bound": {
		"access.control.allow.origin=(", "response.http.headers.config=set Xé: 1", "listeners=http://127.0.0.1:-1", "admin.listeners=http://127.0.0.1:-1",
		"listeners=http://127.0.0.1:70000", "admin.listeners=http://127.0.0.1:70000", "listeners=http://127.0.0.1:0,http://127.0.0.1:0",
		"listeners= http://127.0.0.1:0 , http://127.0.0.1:0", "rest.advertised.port=-1", "rest.advertised.port=70000", "rest.advertised.listener=ftp",
		"rest.advertised.listener=",
	},
	"a slash at the end does no harm": {"listeners=http://127.0.0.1:0/", "admin.listeners=http://127.0.0.1:0/"},
	"a name that DNS may have":        {"listeners=http://é:1", "admin.listeners=http://é:1"},
}

// The file is what RestServerConfig.forPublic and the constructor of ConnectRestServer say of single values (Kafka Connect 4.3.1).
func TestRESTKeysAsInJava(t *testing.T) {
	data, err := os.ReadFile("testdata/rest-keys-4.3.1.tsv")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, values := range restDeviations {
		for _, v := range values {
			known[v] = true
		}
	}
	for line := range strings.Lines(string(data)) {
		setting, want, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		key, value, _ := strings.Cut(strings.ReplaceAll(setting, `\t`, "\t"), "=")
		p := config.Props{
			"bootstrap.servers": "b:1", "group.id": "g", "config.storage.topic": "c", "offset.storage.topic": "o", "status.storage.topic": "s",
			"key.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter", key: value,
		}
		_, err := LoadDistributed(p)
		same := (err == nil) == strings.HasPrefix(want, "ok ")
		if _, message, ok := strings.Cut(want, "ConfigException: "); ok && key == "response.http.headers.config" {
			same = err != nil && strings.Contains(err.Error(), message)
		}
		if same == known[setting] {
			t.Errorf("%s: %v; Java says %s; deviation: %t", setting, err, want, known[setting])
		}
	}
}

func TestHeaderRulesAsJettyReadsThem(t *testing.T) {
	for in, want := range map[string][]HeaderRule{
		"ADD X: 1":                           {{"set", "X", "1"}}, // Jetty minds the case
		"setdate Expires: soon":              {{"set", "Expires", "soon"}},
		"addDate X: -5":                      {{"addDate", "X", "-5"}},
		`"add X:1, 2",set Y:3`:               {{"add", "X", "1, 2"}, {"set", "Y", "3"}},
		`"add X: a\"b" , add Y:2,`:           {{"add", "X", `a"b`}, {"add", "Y", "2"}},
		`add X:1"`:                           {{"add", "X", `1"`}},
		"add X:1:":                           {{"add", "X", "1:"}},
		"add\tX:1":                           {{"add", "X", "1"}},
		" ":                                  nil,
		"set Strict-Transport-Security: a=1": {{"set", "Strict-Transport-Security", "a=1"}},
	} {
		got, err := parseHeaderRules(in)
		if err != nil || len(got) != len(want) {
			t.Errorf("%q: %v, %v", in, got, err)
			continue
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%q: %q, want %q", in, got[i], want[i])
			}
		}
	}
	if _, err := parseHeaderRules("setDate Expires: soon"); err == nil || !strings.Contains(err.Error(), "milliseconds") {
		t.Error(err)
	}
}

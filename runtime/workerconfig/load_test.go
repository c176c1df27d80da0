package workerconfig

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/connectorconfig"
	"github.com/connectd/connectd/runtime/supervise"
)

func minimal(more config.Props) config.Props {
	p := config.Props{
		"bootstrap.servers": "localhost:9092", "group.id": "g", "key.converter": "K", "value.converter": "V",
		"config.storage.topic": "c", "offset.storage.topic": "o", "status.storage.topic": "s",
	}
	maps.Copy(p, more)
	return p
}

func TestConversionThreads(t *testing.T) {
	for text, ok := range map[string]bool{"-2": false, "-1": true, "0": false, "1": true, "16": true} {
		_, err := LoadDistributed(minimal(config.Props{"source.conversion.threads": text}))
		if (err == nil) != ok || !ok && !strings.Contains(err.Error(), "source.conversion.threads") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestDefaultsAreKafkaConnects(t *testing.T) {
	d, err := LoadDistributed(minimal(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := Distributed{
		Worker: Worker{
			BootstrapServers: []string{"localhost:9092"},
			KeyConverter:     Converter{Class: "K", Props: config.Props{}}, ValueConverter: Converter{Class: "V", Props: config.Props{}},
			HeaderConverter: Converter{Class: "org.apache.kafka.connect.storage.SimpleHeaderConverter", Props: config.Props{}},
			MemoryBudget:    -1, ConversionThreads: 1, TaskShutdownTimeout: 5 * time.Second, OffsetFlushInterval: time.Minute, OffsetFlushTimeout: 5 * time.Second,
			StallTimeout:  5 * time.Minute,
			Restart:       supervise.Policy{Enable: true, Initial: time.Second, Max: time.Minute, Attempts: 10, Window: 10 * time.Minute},
			TopicCreation: true, TopicTracking: true, TopicTrackingAllowReset: true,
			OverridePolicy: "All", OverrideAllowlist: []string{}, ConfigProviders: []string{},
			REST:    REST{Listeners: []Listener{{Scheme: "http", Port: 8083}}, TLS: config.Props{}, AdminTLS: config.Props{}},
			Metrics: Metrics{NumSamples: 2, SampleWindow: 30 * time.Second, RecordingLevel: "INFO", Context: config.Props{}},
			Clients: Clients{
				Common:   config.Props{"bootstrap.servers": "localhost:9092"},
				Producer: config.Props{}, Consumer: config.Props{}, Admin: config.Props{},
			},
			Originals: minimal(nil),
		},
		GroupID: "g", SessionTimeout: 10 * time.Second, HeartbeatInterval: 3 * time.Second, RebalanceTimeout: time.Minute,
		WorkerSyncTimeout: 3 * time.Second, WorkerUnsyncBackoff: 5 * time.Minute, ScheduledRebalanceMaxDelay: 5 * time.Minute,
		Protocol: "sessioned", ExactlyOnce: ExactlyOnceDisabled,
		InterWorker: InterWorker{
			KeyGenerationAlgorithm: "HmacSHA256", KeyTTL: time.Hour, SignatureAlgorithm: "HmacSHA256", VerificationAlgorithms: []string{"HmacSHA256"},
		},
		Config:                  Topic{Name: "c", Partitions: 1, ReplicationFactor: 3, Configs: config.Props{}},
		Offset:                  Topic{Name: "o", Partitions: 25, ReplicationFactor: 3, Configs: config.Props{}},
		Status:                  Topic{Name: "s", Partitions: 5, ReplicationFactor: 3, Configs: config.Props{}},
		AutomaticInternalTopics: true,
	}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("%+v\nwant\n%+v", d, want)
	}
}

func TestFileAsPeopleHaveIt(t *testing.T) {
	props, err := ReadFile("testdata/connect-distributed.properties")
	if err != nil {
		t.Fatal(err)
	}
	d, err := LoadDistributed(props)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ got, want any }{
		"servers":       {d.BootstrapServers, []string{"localhost:9092", "other:9093"}},
		"converter":     {d.ValueConverter.Props, config.Props{"schemas.enable": "false"}},
		"offset topic":  {d.Offset, Topic{Name: "connect-offsets", Partitions: 25, ReplicationFactor: 1, Configs: config.Props{"segment.bytes": "1048576"}}},
		"config topic":  {d.Config, Topic{Name: "connect-configs", Partitions: 1, ReplicationFactor: 1, Configs: config.Props{}}},
		"listeners":     {d.REST.Listeners, []Listener{{Scheme: "http", Port: 8083}, {Scheme: "https", Host: "127.0.0.1", Port: 8443}}},
		"admin off":     {d.REST.AdminOff, true},
		"tls unchanged": {d.REST.TLS["ssl.keystore.password"], "${file:/etc/secrets.properties:keystore}"},
		"plugin path":   {d.PluginPath, []string{"/usr/share/java", "/opt/connectors"}},
		"producer":      {d.Clients.Producer, config.Props{"linger.ms": "20"}},
		"admin":         {d.Clients.Admin, config.Props{"retries": "3"}},
		"headers":       {d.REST.ResponseHeaders, []HeaderRule{{"add", "Cache-Control", "no-cache"}, {"set", "X-A", "b, c"}}},
		"warnings": {d.Warnings, []string{
			"plugin.path has no effect: plugins are compiled in",
			"unknown key exactly.once.source.suport; did you mean exactly.once.source.support?",
			"ignoring config.storage.cleanup.policy: compaction is always used",
		}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := LoadDistributed(config.Props{
		"bootstrap.servers": "", "key.converter": "K", "value.converter": "V", "offset.storage.topic": "same", "status.storage.topic": "same",
		"session.timeout.ms": "abc", "heartbeat.interval.ms": "0", "listeners": "ftp://x:1,http://nope", "status.storage.partitions": "0",
		"connect.protocol": "quick", "exactly.once.source.support": "yes", "inter.worker.signature.algorithm": "HmacSHA512",
		"connector.client.config.override.policy": "Some", "ssl.keystore.password": "swordfish", "plugin.discovery": "x",
		"response.http.headers.config": "put A:b",
	})
	p, ok := IsProblems(err)
	if !ok {
		t.Fatalf("%v", err)
	}
	var got []string
	for _, e := range p.Errors {
		got = append(got, e.Key)
	}
	slices.Sort(got)
	want := []string{
		"bootstrap.servers", "config.storage.topic", "connect.protocol", "connector.client.config.override.policy",
		"exactly.once.source.support", "group.id", "heartbeat.interval.ms", "inter.worker.signature.algorithm", "listeners",
		"plugin.discovery", "response.http.headers.config", "session.timeout.ms", "status.storage.partitions", "status.storage.topic",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	for _, part := range []string{"14 problem(s)", "session.timeout.ms: Invalid value abc for configuration session.timeout.ms: Not a number of type INT", `listener "http://nope" has no port`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in\n%v", part, err)
		}
	}
	if strings.Contains(err.Error(), "swordfish") {
		t.Error("a password is in the error")
	}
}

func TestStandaloneNeedsAnOffsetFile(t *testing.T) {
	p := config.Props{"bootstrap.servers": "b:1", "key.converter": "K", "value.converter": "V", "security.protocol": "SSL"}
	_, err := LoadStandalone(p)
	if problems, ok := IsProblems(err); !ok || len(problems.Errors) != 1 || problems.Errors[0].Key != "offset.storage.file.filename" {
		t.Fatalf("%v", err)
	}
	p["offset.storage.file.filename"] = "/tmp/connect.offsets"
	s, err := LoadStandalone(p)
	if err != nil || s.OffsetFile != "/tmp/connect.offsets" || s.Clients.Common["security.protocol"] != "SSL" || len(s.Warnings) > 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if f := s.Connectors(); f.Distributed || f.KeyConverter.Class != "K" {
		t.Errorf("%+v", f)
	}
}

func TestEnvironmentOverridesTheFile(t *testing.T) {
	file := config.Props{"group.id": "file", "bootstrap.servers": "b"}
	got := Overlay(file, []string{
		"CONNECT_GROUP_ID=env", "CONNECT_KEY_CONVERTER_SCHEMAS_ENABLE=false", "CONNECT_PRODUCER_A__B___C=x=y", "CONNECT_=z", "HOME=/",
		"CONNECT_LOG4J_ROOT_LOGLEVEL=INFO", "CONNECT_SERVICE_HOST=10.0.0.1", "CONNECT_PORT_8083_TCP=tcp://x", "CONNECT_EMPTY=",
	})
	want := config.Props{
		"group.id": "env", "bootstrap.servers": "b", "key.converter.schemas.enable": "false", "producer.a_b-c": "x=y", "empty": "",
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if file["group.id"] != "file" {
		t.Error("the file's props were changed")
	}
}

func TestParseListener(t *testing.T) {
	for in, want := range map[string]string{
		"http://:8083": "http://:8083", "HTTPS://h:1": "https://h:1", "http://0.0.0.0:80": "http://:80", "http://[::1]:80/": "http://[::1]:80",
		"http://localhost:0": "http://localhost:0",
	} {
		l, err := ParseListener(in)
		if err != nil || l.String() != want {
			t.Errorf("%s: %s, %v; want %s", in, l, err, want)
		}
	}
	for _, in := range []string{"", "localhost:8083", "http://h", "http://h:x", "http://h:70000", "ftp://h:1", "http://u@h:1", "http://h:1/p", "http://h:1?q", "http://%zz:1"} {
		if l, err := ParseListener(in); err == nil {
			t.Errorf("%q: %v", in, l)
		}
	}
}

func TestConnectorsCarriesThePolicy(t *testing.T) {
	d, err := LoadDistributed(minimal(config.Props{
		"connector.client.config.override.policy": "Allowlist", "connector.client.config.override.allowlist": "linger.ms",
		"exactly.once.source.support": "ENABLED",
	}))
	if err != nil {
		t.Fatal(err)
	}
	f := d.Connectors()
	if !f.Policy.Allows("linger.ms") || f.Policy.Allows("acks") || !f.ExactlyOnceSource || !f.Distributed || f.GroupID != "g" || !d.TransactionalLeader() {
		t.Errorf("%+v", f)
	}
	if _, err := connectorconfig.ParsePolicy("x.y.NoneConnectorClientConfigOverridePolicy", nil); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("a=b\nc: ${file:/x:y}\nd \\\n e"))
	f.Add([]byte(`\u00zz=1`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err == nil {
			_, _ = LoadDistributed(p)
		}
	})
}

func FuzzHeaderRules(f *testing.F) {
	f.Add(`set A:b,"add C:d, e"`)
	f.Fuzz(func(t *testing.T, s string) {
		rules, err := parseHeaderRules(s)
		for _, r := range rules {
			if err == nil && (r.Name == "" || strings.ContainsAny(r.Name+r.Value, "\r\n")) {
				t.Errorf("%q gave %q", s, r)
			}
		}
	})
}

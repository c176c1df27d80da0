package main

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/workerconfig"
)

func workerProps(more ...string) config.Props {
	p := config.Props{
		"bootstrap.servers": "localhost:9092", "group.id": "g", "config.storage.topic": "c", "offset.storage.topic": "o", "status.storage.topic": "s",
		"key.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter": "org.apache.kafka.connect.storage.StringConverter",
	}
	for i := 0; i < len(more); i += 2 {
		p[more[i]] = more[i+1]
	}
	return p
}

// judge loads a worker config; the log is what a user would read.
func judge(t *testing.T, props config.Props) (workerconfig.Distributed, string, error) {
	t.Helper()
	var log bytes.Buffer
	cfg, _, err := distributedConfig(t.Context(), props, slog.New(slog.NewTextHandler(&log, nil)))
	return cfg, log.String(), err
}

func TestGoodWorkerConfigIsQuiet(t *testing.T) {
	if _, log, err := judge(t, workerProps("key.converter.schemas.enable", "false")); err != nil || log != "" {
		t.Errorf("%v\n%s", err, log)
	}
}

// TestWorkerConfigProblemsComeAtOnce: those of the worker, its converters, config providers and Kafka clients.
func TestWorkerConfigProblemsComeAtOnce(t *testing.T) {
	_, log, err := judge(t, workerProps(
		"bootstrap.servers", "nohost", "session.timeout.ms", "abc", "key.converter.schemas.enable", "maybe", "value.converter", "NoConverter",
		"header.converter.plugin.version", "99", "config.providers", "file,foo",
		"config.providers.file.class", "org.apache.kafka.common.config.provider.FileConfigProvider", "producer.acks", "some",
		"producer.linger.ms", "abc", "consumer.isolation.level", "dirty", "admin.request.timeout.ms", "x", "retry.backoff.ms", "-5",
		"sasl.mechanism", "NOPE", "security.protocol", "SASL_SSL", "ssl.truststore.location", "/no/such/file", "sesion.timeout.ms", "1",
	))
	p, ok := errors.AsType[*workerconfig.Problems](err)
	if _, usage := errors.AsType[*usageError](err); !ok || !usage {
		t.Fatal(err)
	}
	var got []string
	for _, e := range p.Errors {
		got = append(got, e.Key)
	}
	slices.Sort(got)
	want := []string{
		"admin.request.timeout.ms", "bootstrap.servers", "config.providers", "consumer.isolation.level", "header.converter.plugin.version",
		"key.converter.schemas.enable", "producer.acks", "producer.linger.ms", "retry.backoff.ms", "sasl.mechanism", "session.timeout.ms",
		"ssl.truststore.location", "value.converter",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q\n%v", got, want, err)
	}
	for _, line := range []string{
		"13 problem(s)", `bootstrap.servers: invalid value "nohost": "nohost" is not host:port`, `producer.acks: invalid value "some": must be one of all, -1, 0, 1`,
		"key.converter.schemas.enable: Invalid value maybe for configuration key.converter.schemas.enable: Expected value to be either true or false",
		"value.converter: no class NoConverter is known", "config.providers: config provider foo has no class: set config.providers.foo.class",
	} {
		if !strings.Contains(err.Error(), line) {
			t.Errorf("%q is not in\n%v", line, err)
		}
	}
	if !strings.Contains(log, "unknown key sesion.timeout.ms; did you mean session.timeout.ms?") {
		t.Errorf("log: %s", log)
	}
}

func TestUnknownClientKeysGetTheNearest(t *testing.T) {
	_, log, err := judge(t, workerProps("producer.lingr.ms", "5", "consumer.max.pol.records", "5"))
	if err != nil {
		t.Fatal(err)
	}
	for _, near := range []string{"producer.lingr.ms: unknown key of a Kafka client, it has no effect; did you mean producer.linger.ms?", "did you mean consumer.max.poll.records?"} {
		if !strings.Contains(log, near) {
			t.Errorf("%q is not in\n%s", near, log)
		}
	}
}

// TestWorkerKeysMayReferToSecrets: any key, as in Java (AbstractConfig.resolveConfigVariables).
func TestWorkerKeysMayReferToSecrets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.properties")
	if err := os.WriteFile(file, []byte("session=12000\nbad=swordfish"), 0o600); err != nil {
		t.Fatal(err)
	}
	provider := []string{"config.providers", "file", "config.providers.file.class", "org.apache.kafka.common.config.provider.FileConfigProvider"}
	cfg, _, err := judge(t, workerProps(append(provider, "session.timeout.ms", "${file:"+file+":session}")...))
	if err != nil || cfg.SessionTimeout.Seconds() != 12 {
		t.Errorf("%v, %v", cfg.SessionTimeout, err)
	}
	ref := "${file:" + file + ":bad}"
	_, _, err = judge(t, workerProps(append(provider, "session.timeout.ms", ref, "producer.linger.ms", ref)...))
	if err == nil || strings.Contains(err.Error(), "swordfish") || strings.Count(err.Error(), ref) != 2 {
		t.Errorf("%v", err)
	}
	_, _, err = judge(t, workerProps(append(provider, "session.timeout.ms", "${file:"+filepath.Dir(file)+"/none:session}")...))
	if err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("a file that is not there: %v", err)
	}
}

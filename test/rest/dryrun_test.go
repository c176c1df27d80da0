//go:build integration

package rest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/test/process"
)

// TestDryRun: ?dryRun of altering and resetting offsets tells what would change, for a source and a sink, and changes nothing.
func TestDryRun(t *testing.T) {
	s := system(t, process.NewGroup(t, process.Config{Binary: binary}).Add().URL)
	topic := strings.NewReplacer("{topic}", process.Unique("dryrun"))
	do := func(method, path, body string, status int) string {
		t.Helper()
		got := s.must(t, wireCall{Method: method, Path: path, Raw: topic.Replace(body)})
		if got.Status != status {
			t.Fatalf("%s %s: %d %s", method, path, got.Status, got.Body)
		}
		return got.Body
	}
	for _, c := range []struct {
		name, config, offsets, altered, alter, reset string
	}{
		{
			"source", strings.ReplaceAll(`{`+fileSource+`}`, "{name}", "{topic}"),
			`{"offsets":[{"partition":{"filename":"{dir}/in.txt"},"offset":{"position":14}}]}`, fileOffsets,
			`[{"partition":{"filename":"{dir}/in.txt"},"from":{"position":14},"to":{"position":4}}]`,
			`[{"partition":{"filename":"{dir}/in.txt"},"from":{"position":14},"to":null}]`,
		},
		{
			"sink", `{"connector.class":"org.apache.kafka.connect.file.FileStreamSinkConnector","tasks.max":"1","file":"{dir}/out.txt","topics":"{topic}"}`,
			`{"offsets":[{"partition":{"kafka_partition":0,"kafka_topic":"{topic}"},"offset":{"kafka_offset":3}}]}`,
			`{"offsets":[{"partition":{"kafka_partition":0,"kafka_topic":"{topic}"},"offset":{"kafka_offset":1}}]}`,
			`[{"partition":{"kafka_partition":0,"kafka_topic":"{topic}"},"from":{"kafka_offset":3},"to":{"kafka_offset":1}}]`,
			`[{"partition":{"kafka_partition":0,"kafka_topic":"{topic}"},"from":{"kafka_offset":3},"to":null}]`,
		},
	} {
		path := "/connectors/" + c.name
		has := func(want string) func() error {
			return func() error { return sameBody(topic.Replace(want), do(http.MethodGet, path+"/offsets", "", 200)) }
		}
		dry := func(changes string) string {
			return `{"message":"Dry run: nothing was changed","dry_run":true,"changes":` + changes + `}`
		}
		check := func(what string, err error) {
			t.Helper()
			if err != nil {
				t.Errorf("%s of the %s: %v", what, c.name, err)
			}
		}
		do(http.MethodPut, path+"/config", c.config, 201)
		await(t, 60*time.Second, c.name+" has offsets", has(c.offsets))
		do(http.MethodPatch, path+"/offsets?dryRun=true", c.altered, 400)
		do(http.MethodPut, path+"/stop", "", 204)
		await(t, 30*time.Second, c.name+" stopped", func() error { return s.reached(awaited{c.name, "STOPPED", 0}) })
		check("altering", sameBody(dry(topic.Replace(c.alter)), do(http.MethodPatch, path+"/offsets?dryRun=true", c.altered, 200)))
		check("resetting", sameBody(dry(topic.Replace(c.reset)), do(http.MethodDelete, path+"/offsets?dryRun=true", "", 200)))
		check("offsets", has(c.offsets)())
		do(http.MethodPatch, path+"/offsets?dryRun=true", `{"offsets":[]}`, 400)
		do(http.MethodPatch, path+"/offsets?dryRun=false", c.altered, 200)
		check("altered offsets", has(c.altered)())
	}
}

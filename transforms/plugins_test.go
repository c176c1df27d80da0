package transforms_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/transforms"
	"github.com/connectd/connectd/transforms/predicates"
)

// TestPluginConfigs compares the declarations with what GET /connector-plugins/{plugin}/config of Kafka Connect 4.3.1 answers.
func TestPluginConfigs(t *testing.T) {
	b, err := os.ReadFile("testdata/plugin-configs.json")
	must(t, err)
	var want map[string][]struct {
		Name          string  `json:"name"`
		Type          string  `json:"type"`
		Required      bool    `json:"required"`
		Default       *string `json:"default_value"`
		Importance    string  `json:"importance"`
		Documentation string  `json:"documentation"`
	}
	must(t, json.Unmarshal(b, &want))
	defs := map[string]*config.Def{}
	for _, p := range transforms.Plugins("4.3.1", "3.6.1.Final") {
		defs[p.Name] = p.Config
	}
	for _, p := range predicates.Plugins("4.3.1") {
		defs[p.Name] = p.Config
	}
	for name, keys := range want {
		def, ok := defs[name]
		if !ok {
			t.Errorf("no plugin %s", name)
			continue
		}
		got := def.Keys()
		if len(got) != len(keys) {
			t.Errorf("%s has %d keys, Java %d", name, len(got), len(keys))
			continue
		}
		for i, k := range keys {
			g := got[i]
			if g.Name != k.Name || g.Type.String() != k.Type || g.Required != k.Required || g.Importance.String() != k.Importance ||
				g.Documentation != k.Documentation || text(g.Default) != text(k.Default) {
				t.Errorf("%s: %+v (default %s), Java %+v", name, g, text(g.Default), k)
			}
		}
	}
}

func TestPluginNames(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range transforms.Plugins("4.3.1", "3.6.1.Final") {
		for _, n := range append([]string{p.Name}, p.Aliases...) {
			if seen[n] {
				t.Errorf("%s is offered twice", n)
			}
			seen[n] = true
		}
		if p.Version == "" || p.Summary == "" || p.Config == nil || p.New() == nil {
			t.Errorf("%s is incomplete", p.Name)
		}
	}
	for _, n := range []string{"org.apache.kafka.connect.transforms.Cast$Value", "Cast$Key", "RegexRouter", "io.debezium.transforms.ExtractNewRecordState"} {
		if !seen[n] {
			t.Errorf("%s is missing", n)
		}
	}
}

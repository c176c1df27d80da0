package javamap

import (
	"reflect"
	"strings"
	"testing"
)

// The orders are those of Kafka Connect's answers.
func TestOrder(t *testing.T) {
	for want, buckets := range map[string]int{
		"decimal.format converter.type schemas.cache.size replace.null.with.default schemas.enable schema.content": Default(6),
		"connector.class file tasks.max name topic":                                                                Default(5),
		"connector.class name topic file tasks.max batch.size":                                                     Grow(CopyOf(5), 6),
	} {
		keys := strings.Fields(want)
		if got := Order(append(keys[3:len(keys):len(keys)], keys[:3]...), buckets); !reflect.DeepEqual(strings.Fields(want), got) {
			t.Errorf("%d buckets: %v, want %s", buckets, got, want)
		}
	}
	if got := Order([]string{"a.exp", "a.empty"}, 32); !reflect.DeepEqual([]string{"a.exp", "a.empty"}, got) {
		t.Error("keys of one bucket have changed places:", got)
	}
}

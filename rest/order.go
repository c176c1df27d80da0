package rest

import (
	"slices"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/internal/javamap"
	"github.com/connectd/connectd/rest/api"
)

// storedConfig shows a config as it was read from the config topic: in the order of the java.util.HashMap that Kafka Connect's
// JsonConverter fills, so that answers can be compared with a Java worker's text by text. order is that of the record.
func storedConfig(p config.Props, order []string) api.Config {
	return api.ConfigOf(p, javamap.Order(inOrder(p, order), javamap.Default(len(p))))
}

// patchedConfig shows a config that was made by changing a copy of another one (Java: ConnectUtils.patchConfig).
func patchedConfig(p config.Props, sizeBefore int) api.Config {
	return api.ConfigOf(p, javamap.Order(inOrder(p, nil), javamap.Grow(javamap.CopyOf(sizeBefore), len(p))))
}

// inOrder lists the keys of p: those of order first, then the others, sorted.
func inOrder(p config.Props, order []string) []string {
	first := slices.DeleteFunc(slices.Clone(order), func(k string) bool { _, ok := p[k]; return !ok })
	return api.ConfigOf(p, first).Keys
}

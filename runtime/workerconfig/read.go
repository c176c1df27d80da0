package workerconfig

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/magiconair/properties"

	"github.com/connectd/connectd/connect/config"
)

// ReadFile reads a Java properties file in UTF-8. ${…} stays as it is: that is for config providers.
func ReadFile(path string) (config.Props, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading worker config: %w", err)
	}
	p, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("reading worker config %s: %w", path, err)
	}
	return p, nil
}

// Parse reads the text of a properties file.
func Parse(text []byte) (config.Props, error) {
	l := properties.Loader{Encoding: properties.UTF8, DisableExpansion: true}
	p, err := l.LoadBytes(text)
	if err != nil {
		return nil, fmt.Errorf("it is not a properties file: %w", err)
	}
	out := make(config.Props, p.Len())
	for _, k := range p.Keys() {
		out[k], _ = p.Get(k)
	}
	return out, nil
}

// notKeys are CONNECT_ variables that mean something else: the logging of container images, and what Kubernetes sets for a service
// that is called connect.
var notKeys = []string{"CONNECT_LOG4J_", "CONNECT_PORT", "CONNECT_SERVICE_HOST", "CONNECT_SERVICE_PORT"}

func otherUse(name string) bool {
	return slices.ContainsFunc(notKeys, func(p string) bool { return strings.HasPrefix(name, p) })
}

// Overlay returns props with the CONNECT_* variables of environ (as os.Environ lists them) on top: CONNECT_GROUP_ID is group.id. As
// in the usual Connect images, _ is a dot, __ an underscore and ___ a dash. props is not changed.
func Overlay(props config.Props, environ []string) config.Props {
	out := props.Clone()
	if out == nil {
		out = config.Props{}
	}
	for _, e := range environ {
		name, value, ok := strings.Cut(e, "=")
		if !ok || otherUse(name) {
			continue
		}
		if key := envKey(name); key != "" {
			out[key] = value
		}
	}
	return out
}

func envKey(name string) string {
	rest, ok := strings.CutPrefix(name, "CONNECT_")
	if !ok || rest == "" {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(rest); {
		if rest[i] != '_' {
			b.WriteString(strings.ToLower(rest[i : i+1]))
			i++
			continue
		}
		n := 1
		for n < 3 && i+n < len(rest) && rest[i+n] == '_' {
			n++
		}
		b.WriteByte("._-"[n-1])
		i += n
	}
	return b.String()
}

package connectorconfig

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/config"
)

//go:embed clientkeys.txt
var clientKeyTable string

// The keys of Kafka's clients that a connector may override (Java: ProducerConfig, ConsumerConfig, AdminClientConfig of 4.3). They
// carry no checks: Connect parses overrides, and leaves the rest to the client.
var (
	producerKeys = clientKeys(clientKeyTable, "p")
	consumerKeys = clientKeys(clientKeyTable, "c")
	adminKeys    = clientKeys(clientKeyTable, "a")
)

// SecurityKeys are the ssl.* and sasl.* keys of all Kafka clients (Java: withClientSslSupport, withClientSaslSupport).
func SecurityKeys() *config.Def { return clientKeys(clientKeyTable, "s") }

// clientKeys reads the lines of the table that are for kind: p, c, a for the clients, s for all of them. A line is
// kinds | name | type | default | importance | doc; * as default is required, nothing at all is null, "" is empty.
func clientKeys(table, kind string) *config.Def {
	var keys []config.AnyKey
	for line := range strings.Lines(table) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) < 6 || !strings.ContainsAny(strings.TrimSpace(f[0]), kind) && (kind == "s" || strings.TrimSpace(f[0]) != "s") {
			continue
		}
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		keys = append(keys, clientKey(f[1], f[2], f[3], f[4], strings.Join(f[5:], "|")))
	}
	return config.NewDef(keys...)
}

// clientKey declares one line. A bad line is a mistake in the program: it panics, as NewDef does.
func clientKey(name, typ, def, importance, doc string) config.AnyKey {
	switch typ {
	case "STRING":
		return declare(config.String(name), def, importance, doc, func(s string) (string, error) { return strings.Trim(s, `"`), nil })
	case "CLASS":
		return declare(config.Class(name), def, importance, doc, func(s string) (string, error) { return s, nil })
	case "BOOLEAN":
		return declare(config.Boolean(name), def, importance, doc, strconv.ParseBool)
	case "INT":
		return declare(config.Int(name), def, importance, doc, func(s string) (int32, error) { n, err := strconv.ParseInt(s, 10, 32); return int32(n), err })
	case "SHORT":
		return declare(config.Short(name), def, importance, doc, func(s string) (int16, error) { n, err := strconv.ParseInt(s, 10, 16); return int16(n), err })
	case "LONG":
		return declare(config.Long(name), def, importance, doc, func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) })
	case "DOUBLE":
		return declare(config.Double(name), def, importance, doc, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
	case "LIST":
		return declare(config.List(name), def, importance, doc, func(s string) ([]string, error) {
			return slices.DeleteFunc(strings.Split(strings.Trim(s, `"`), ","), func(e string) bool { return e == "" }), nil
		})
	case "PASSWORD":
		return declare(config.Password(name), "", importance, doc, nil)
	}
	panic("client key " + name + ": unknown type " + typ)
}

func declare[T any](k *config.Key[T], def, importance, doc string, parse func(string) (T, error)) *config.Key[T] {
	k.Doc(doc).Importance(config.Importance(slices.Index([]string{"H", "M", "L"}, importance)))
	switch def {
	case "":
	case "*":
		k.Required()
	default:
		v, err := parse(def)
		if err != nil {
			panic(fmt.Sprintf("client key %s: default %s: %v", k.Name(), def, err))
		}
		k.Default(v)
	}
	return k
}

package predicates

import (
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

func TestPredicates(t *testing.T) {
	full := &connect.Record{Topic: "db.orders", Value: data.Datum{Value: data.Int64(1)}, Headers: connect.Headers{{Key: "h"}}}
	for _, c := range []struct {
		name  string
		props config.Props
		r     *connect.Record
		want  bool
	}{
		{"TopicNameMatches", config.Props{"pattern": `db\..*`}, full, true},
		{"TopicNameMatches", config.Props{"pattern": "db"}, full, false},
		{"HasHeaderKey", config.Props{"name": "h"}, full, true},
		{"HasHeaderKey", config.Props{"name": "H"}, full, false},
		{"RecordIsTombstone", nil, full, false},
		{"RecordIsTombstone", nil, &connect.Record{Value: data.Datum{Schema: data.OptionalStringSchema}}, true},
	} {
		for _, pl := range Plugins("4.3.1") {
			if pl.Aliases[0] != c.name {
				continue
			}
			v, err := pl.Config.Parse(c.props)
			if err != nil {
				t.Fatal(err)
			}
			p := pl.New()
			if err := p.Configure(v); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second answer comes from the cache
				if got := p.Test(c.r); got != c.want {
					t.Errorf("%s %v: %v", c.name, c.props, got)
				}
			}
		}
	}
}

package transforms

import (
	"context"
	"slices"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

var (
	dropHeadersNames = distinctList("headers", false).Required().Importance(config.High).
				Doc("The name of the headers to be removed.")
	dropHeadersDef = config.NewDef(dropHeadersNames)
)

// dropHeaders is org.apache.kafka.connect.transforms.DropHeaders.
type dropHeaders struct {
	noClose
	names []string
}

// Configure reads the names.
func (t *dropHeaders) Configure(v config.Values) error {
	t.names = dropHeadersNames.Get(v)
	return nil
}

// Apply removes all headers of the names.
func (t *dropHeaders) Apply(_ context.Context, r *connect.Record) (bool, error) {
	if !slices.ContainsFunc(r.Headers, t.drops) {
		return true, nil
	}
	kept := make(connect.Headers, 0, len(r.Headers)-1)
	for _, h := range r.Headers {
		if !t.drops(h) {
			kept = append(kept, h)
		}
	}
	r.Headers = kept
	return true, nil
}

func (t *dropHeaders) drops(h connect.Header) bool { return slices.Contains(t.names, h.Key) }

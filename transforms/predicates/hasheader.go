package predicates

import (
	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

var (
	headerName      = config.String("name").Required().Valid(config.NonEmpty()).Doc("The header name.")
	hasHeaderKeyDef = config.NewDef(headerName)
)

// hasHeaderKey is org.apache.kafka.connect.transforms.predicates.HasHeaderKey.
type hasHeaderKey struct{ name string }

// Configure reads the name.
func (p *hasHeaderKey) Configure(v config.Values) error {
	p.name = headerName.Get(v)
	return nil
}

// Test looks for a header of the name.
func (p *hasHeaderKey) Test(r *connect.Record) bool {
	for i := range r.Headers {
		if r.Headers[i].Key == p.name {
			return true
		}
	}
	return false
}

// Close does nothing.
func (*hasHeaderKey) Close() error { return nil }

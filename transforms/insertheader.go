package transforms

import (
	"context"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

var (
	insertHeaderName  = config.String("header").Required().Importance(config.High).Doc("The name of the header.")
	insertHeaderValue = config.String("value.literal").Required().Importance(config.High).
				Doc("The literal value that is to be set as the header value on all records.")
	insertHeaderDef = config.NewDef(insertHeaderName, insertHeaderValue)
)

// insertHeader is org.apache.kafka.connect.transforms.InsertHeader.
type insertHeader struct {
	noClose
	name  string
	value data.Datum
}

// Configure reads the literal: its type is inferred as Values.parseString does.
func (t *insertHeader) Configure(v config.Values) error {
	t.name = insertHeaderName.Get(v)
	t.value = parseLiteral(insertHeaderValue.Get(v))
	return nil
}

// Apply adds the header.
func (t *insertHeader) Apply(_ context.Context, r *connect.Record) (bool, error) {
	r.Headers = r.Headers.With(t.name, t.value)
	return true, nil
}

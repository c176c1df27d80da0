package transforms

import (
	"context"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

var filterDef = config.NewDef()

// filter is org.apache.kafka.connect.transforms.Filter.
type filter struct{ noClose }

// Configure has nothing to read.
func (filter) Configure(config.Values) error { return nil }

// Apply drops the record.
func (filter) Apply(context.Context, *connect.Record) (bool, error) { return false, nil }

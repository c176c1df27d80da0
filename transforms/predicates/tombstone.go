package predicates

import (
	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

var tombstoneDef = config.NewDef()

// recordIsTombstone is org.apache.kafka.connect.transforms.predicates.RecordIsTombstone.
type recordIsTombstone struct{}

// Configure has nothing to read.
func (recordIsTombstone) Configure(config.Values) error { return nil }

// Test tells whether the value is null, with or without a schema.
func (recordIsTombstone) Test(r *connect.Record) bool { return r.Value.Value.IsNull() }

// Close does nothing.
func (recordIsTombstone) Close() error { return nil }

package hdfs

import (
	"errors"
	"fmt"

	"github.com/connectd/connectd/connect/data"
)

// compatibility says when a record's schema starts new files (io.confluent.connect.storage.schema.StorageSchemaCompatibility).
type compatibility uint8

const (
	compatNone     compatibility = iota // any difference starts new files
	compatBackward                      // a newer version does; older records are projected to the current schema
	compatForward                       // an older version does; newer records are projected
	compatFull                          // as backward
)

func parseCompatibility(s string) compatibility {
	switch s {
	case "BACKWARD":
		return compatBackward
	case "FORWARD":
		return compatForward
	case "FULL":
		return compatFull
	default:
		return compatNone
	}
}

var errSchemaSwitch = errors.New("switching between values with and without a schema is not supported within a topic partition; " +
	"if the record is a tombstone, drop tombstones with the Filter transform and the RecordIsTombstone predicate")

// changed tells whether a record of schema s must go to new files, given that of the open ones. An error is the record's fault.
func (c compatibility) changed(current, s *data.Schema) (bool, error) {
	if current == s {
		return false, nil
	}
	if current == nil || s == nil {
		return false, errSchemaSwitch
	}
	if c == compatNone {
		return !current.Equal(s), nil
	}
	cv, ok := current.Version()
	sv, sok := s.Version()
	if !ok || !sok {
		return false, fmt.Errorf("schema.compatibility=%s needs schemas with a version, but %q has none", c, s.Name())
	}
	if c == compatForward {
		return sv < cv, nil
	}
	return sv > cv, nil
}

// project makes v, of schema s, fit the current schema.
func (c compatibility) project(current, s *data.Schema, v data.Value) (data.Value, error) {
	if c == compatNone || current == s || current.Equal(s) {
		return v, nil
	}
	out, err := data.Project(s, v, current)
	if err != nil {
		return out, fmt.Errorf("projecting to the current schema: %w", err)
	}
	return out, nil
}

func (c compatibility) String() string {
	return [...]string{"NONE", "BACKWARD", "FORWARD", "FULL"}[c]
}

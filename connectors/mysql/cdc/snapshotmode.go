package cdc

import (
	"fmt"
	"strings"

	"github.com/connectd/connectd/connect/config"
)

// snapshotMode is snapshot.mode.
type snapshotMode struct {
	data   bool // rows, not only definitions
	stream bool // go on with the binary log

	always        bool // at every start
	never         bool // no snapshot: the stream begins with the first file there is
	onSchemaError bool // also if the schema history cannot be used
	onDataError   bool // also if the stored position cannot be used
	keepPosition  bool // the stream goes on from the stored position all the same
	recoverFirst  bool // always, but definitions of the stored position are better than the present ones
}

// snapshotModeOf reads snapshot.mode (the Snapshotters of Debezium).
func snapshotModeOf(v config.Values) (snapshotMode, error) {
	switch name := strings.ToLower(keySnapshotMode.Get(v)); name {
	case "initial":
		return snapshotMode{data: true, stream: true}, nil
	case "initial_only":
		return snapshotMode{data: true}, nil
	case "no_data", "schema_only":
		return snapshotMode{stream: true}, nil
	case "always":
		return snapshotMode{data: true, stream: true, always: true}, nil
	case "when_needed":
		return snapshotMode{data: true, stream: true, onSchemaError: true, onDataError: true}, nil
	case "recovery", "schema_only_recovery":
		return snapshotMode{stream: true, always: true, onSchemaError: true, keepPosition: true}, nil
	case "never":
		return snapshotMode{stream: true, never: true}, nil
	case "configuration_based":
		m := snapshotMode{
			data:          keySnapshotModeConfigurationBasedSnapshotData.Get(v),
			stream:        keySnapshotModeConfigurationBasedStartStream.Get(v),
			onSchemaError: keySnapshotModeConfigurationBasedSnapshotOnSchemaError.Get(v),
			onDataError:   keySnapshotModeConfigurationBasedSnapshotOnDataError.Get(v),
		}
		m.always = m.data || keySnapshotModeConfigurationBasedSnapshotSchema.Get(v)
		m.never, m.keepPosition = !m.always, !m.data
		m.recoverFirst = m.always && m.keepPosition // else rows before an ALTER would be read with the definition behind it
		if m.never && !m.stream {
			return m, fmt.Errorf("snapshot.mode=configuration_based does nothing: set one of snapshot.mode.configuration.based.snapshot.data, " +
				"snapshot.mode.configuration.based.snapshot.schema and snapshot.mode.configuration.based.start.stream")
		}
		return m, nil
	default:
		return snapshotMode{}, fmt.Errorf("snapshot.mode=%s is not possible here: a snapshotter of one's own is Java code; use "+
			"configuration_based, whose keys snapshot.mode.configuration.based.* say what is done when", name)
	}
}

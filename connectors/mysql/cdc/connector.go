package cdc

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// Plugin is the connector, under Debezium's class name.
var Plugin = connect.Plugin[connect.SourceConnector]{
	Name:      "io.debezium.connector.mysql.MySqlConnector",
	Aliases:   []string{"mysql", "MySqlConnector", "MySql"},
	Version:   Version,
	Summary:   "Streams the changes of MySQL tables: a snapshot, then the binary log.",
	TaskClass: "io.debezium.connector.mysql.MySqlConnectorTask",
	Config:    Def,
	Metrics:   allMetrics,
	New:       func() connect.SourceConnector { return &connector{flavor: mysqlFlavor} },
}

// connector has one task, which gets the connector's config.
type connector struct {
	flavor *flavor
	props  config.Props
}

// Interface guards.
var (
	_ connect.SourceConnector     = (*connector)(nil)
	_ connect.Validator           = (*connector)(nil)
	_ connect.ExactlyOnce         = (*connector)(nil)
	_ connect.SourceOffsetAlterer = (*connector)(nil)
)

// Start keeps the config.
func (c *connector) Start(_ context.Context, cc connect.ConnectorContext) error {
	if _, err := settingsOf(cc.Config); err != nil {
		return err
	}
	c.props = cc.Config.Originals()
	return nil
}

// TaskConfigs is one task: a binary log has one reader.
func (c *connector) TaskConfigs(context.Context, int) ([]config.Props, error) {
	return []config.Props{c.props.Clone()}, nil
}

// Stop does nothing.
func (c *connector) Stop(context.Context) error { return nil }

// NewTask makes the task.
func (c *connector) NewTask() connect.SourceTask { return &task{flavor: c.flavor} }

// ExactlyOnceSupport is Supported, as Debezium says of itself.
func (c *connector) ExactlyOnceSupport(config.Values) connect.Support { return connect.Supported }

// CanDefineTransactionBoundaries is false.
func (c *connector) CanDefineTransactionBoundaries(config.Values) bool { return false }

// AlterOffsets refuses what could not be read at the next start. Its answer is never complete: like Debezium, the connector cannot
// know whether the binary log has the place.
func (c *connector) AlterOffsets(_ context.Context, _ config.Values, changes []connect.OffsetChange) (complete bool, err error) {
	for _, ch := range changes {
		var p map[string]string
		if err := json.Unmarshal(ch.Partition, &p); err != nil || p["server"] == "" || len(p) != 1 {
			return false, fmt.Errorf(`the source partition %s is none of this connector's: it must be {"server":"<topic.prefix>"}`, clip(ch.Partition))
		}
		if ch.Offset == nil {
			continue
		}
		if _, _, err := parseOffset(ch.Offset); err != nil {
			return false, err
		}
	}
	return false, nil
}

package hdfs

import (
	"context"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// Plugin is the HDFS sink, under the name of Confluent's; version is what REST shows.
func Plugin(version string) connect.Plugin[connect.SinkConnector] {
	return connect.Plugin[connect.SinkConnector]{
		Name:    "io.confluent.connect.hdfs.HdfsSinkConnector",
		Aliases: []string{"HdfsSinkConnector", "HdfsSink", "hdfs"},
		Version: version,
		Summary: "Writes topics to files in HDFS, each record exactly once.",
		Config:  def,
		New:     func() connect.SinkConnector { return new(connector) },
	}
}

// connector has nothing to divide: the consumer group divides the partitions.
type connector struct{ cc connect.ConnectorContext }

var (
	_ connect.SinkConnector     = (*connector)(nil)
	_ connect.Validator         = (*connector)(nil)
	_ connect.SinkOffsetAlterer = (*connector)(nil)
)

// Validate checks keys together; it asks nothing of HDFS.
func (c *connector) Validate(_ context.Context, v config.Values) []config.Problem { return validate(v) }

func (c *connector) Start(_ context.Context, cc connect.ConnectorContext) error {
	c.cc = cc
	return nil
}

// TaskConfigs gives every task the connector's configuration.
func (c *connector) TaskConfigs(_ context.Context, max int) ([]config.Props, error) {
	out := make([]config.Props, max)
	for i := range out {
		out[i] = c.cc.Config.Originals()
	}
	return out, nil
}

func (c *connector) Stop(context.Context) error { return nil }

func (c *connector) NewTask() connect.SinkTask { return newTask() }

// AlterOffsets allows any change, and warns by complete=false: the file names in HDFS win over the group's offsets.
func (c *connector) AlterOffsets(context.Context, config.Values, map[connect.TopicPartition]*int64) (bool, error) {
	return false, nil
}

package elasticsearch

import (
	"context"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// Plugin is the connector under its own name and its drop-in name; version is shown by REST.
func Plugin(version string) connect.Plugin[connect.SinkConnector] {
	return connect.Plugin[connect.SinkConnector]{
		Name:      "io.confluent.connect.elasticsearch.ElasticsearchSinkConnector",
		Aliases:   []string{"ElasticsearchSinkConnector", "ElasticsearchSink", "elasticsearch"},
		Version:   version,
		Summary:   "Writes records as documents, by key and with external versions.",
		TaskClass: "io.confluent.connect.elasticsearch.ElasticsearchSinkTask",
		Config:    def,
		New:       func() connect.SinkConnector { return new(connector) },
	}
}

type connector struct{ props config.Props }

var (
	_ connect.SinkConnector     = (*connector)(nil)
	_ connect.Validator         = (*connector)(nil)
	_ connect.SinkOffsetAlterer = (*connector)(nil)
)

func (c *connector) Start(_ context.Context, cc connect.ConnectorContext) error {
	c.props = cc.Config.Originals()
	return nil
}

// TaskConfigs gives each task the whole config: the group divides the partitions.
func (c *connector) TaskConfigs(_ context.Context, n int) ([]config.Props, error) {
	tasks := make([]config.Props, n)
	for i := range tasks {
		tasks[i] = c.props
	}
	return tasks, nil
}

func (*connector) Stop(context.Context) error { return nil }

func (*connector) NewTask() connect.SinkTask { return new(task) }

// AlterOffsets: the group's offsets are all there is.
func (*connector) AlterOffsets(context.Context, config.Values, map[connect.TopicPartition]*int64) (bool, error) {
	return true, nil
}

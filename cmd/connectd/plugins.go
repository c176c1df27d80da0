package main

import (
	"errors"

	"github.com/connectd/connectd/connectors/elasticsearch"
	"github.com/connectd/connectd/connectors/file"
	"github.com/connectd/connectd/connectors/hdfs"
	"github.com/connectd/connectd/connectors/mysql"
	"github.com/connectd/connectd/converters/json"
	"github.com/connectd/connectd/converters/primitive"
	"github.com/connectd/connectd/converters/simpleheader"
	"github.com/connectd/connectd/runtime/plugin"
	"github.com/connectd/connectd/runtime/secrets"
	"github.com/connectd/connectd/transforms"
	"github.com/connectd/connectd/transforms/predicates"
)

// apiVersion is the version of Apache Kafka whose plugins of the same names these are drop-ins for; REST shows it, and a
// connector.plugin.version is compared with it.
const apiVersion = "4.3.1"

// debeziumVersion is the same for Debezium's transformations.
const debeziumVersion = "3.6.1.Final"

// confluentVersion is the version of Confluent's Elasticsearch connector whose behaviour the sink of the same name has, and
// hdfsVersion that of the HDFS connector.
const (
	confluentVersion = "15.1.3"
	hdfsVersion      = "10.2.17"
)

// plugins is THE list of what is compiled in.
func plugins() (*plugin.Registry, error) {
	reg := new(plugin.Registry)
	err := errors.Join(
		reg.Sources.Add(file.Source(apiVersion)),
		reg.Sinks.Add(file.Sink(apiVersion)),
		reg.Sources.Add(mysql.Plugin),
		reg.Sources.Add(mysql.MariaDB),
		reg.Sinks.Add(elasticsearch.Plugin(confluentVersion), hdfs.Plugin(hdfsVersion)),
		reg.Converters.Add(json.Plugin(apiVersion)),
		reg.Converters.Add(primitive.Plugins(apiVersion)...),
		reg.HeaderConverters.Add(json.HeaderPlugin(apiVersion), simpleheader.Plugin(apiVersion)),
		reg.HeaderConverters.Add(primitive.HeaderPlugins(apiVersion)...),
		reg.Transforms.Add(transforms.Plugins(apiVersion, debeziumVersion)...),
		reg.Predicates.Add(predicates.Plugins(apiVersion)...),
		reg.ConfigProviders.Add(secrets.Plugins()...),
	)
	return reg, err
}

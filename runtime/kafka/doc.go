// Package kafka turns Kafka client keys, as Java's clients and Kafka Connect's worker have them, into options of the Go client, and
// creates and checks topics.
//
// # Layers
//
// A client's keys come, from weak to strong, from the runtime's defaults for its role, the worker's config, the worker's prefix for
// the role (producer., consumer., admin.) and the connector's overrides (producer.override. and so on, prefix cut off by the caller).
// The clients of the worker itself (internal topics, group membership) read the worker's keys without a prefix, as in Kafka Connect.
//
// From the worker's keys without a prefix the clients of connectors take bootstrap.servers and, which Kafka Connect does not do, the
// security settings (security.protocol, ssl.*, sasl.*), provided that they go to the same bootstrap servers and no stronger layer has a
// security key of its own.
//
// # Answers
//
// An unknown key is a warning, an impossible value an error that names key and value (never the value of a secret). Nothing here
// connects or starts a goroutine but [EnsureTopic] and [DescribeTopic], which use the client they are given.
//
//	clients := &kafka.Clients{Worker: props}
//	o, err := clients.Producer(overrides)
//	client, err := kgo.NewClient(append(o.Opts, more...)...)
package kafka

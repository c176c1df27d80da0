// Package connectorconfig is what every connector config has in common: the keys of Kafka Connect 4.3 (Java: ConnectorConfig,
// SourceConnectorConfig, SinkConnectorConfig, TopicCreationConfig), the answer of
// PUT /connector-plugins/{plugin}/config/validate (AbstractHerder.validateConnectorConfig), and the plan a worker builds from.
//
// # Contract
//
// Validate answers key by key and never touches the outside but through the connector's own connect.Validator. NewPlan reads a
// config that is to run: it fails where Java fails at start, with every problem at once.
//
// Invariant 1: no panic of a plugin leaves this package; it becomes an error at the key that named the plugin.
//
// Invariant 2: no value of a password key, and no text that a config provider put in, reaches a Result or an error of Validate.
//
// Invariant 3: a config that Validate finds no error in makes a Plan, unless it breaks a rule Java too checks only at start:
// a predicate that is not declared, the keys of topic.creation groups, or the keys of a converter inherited from the worker.
//
//	res, err := connectorconfig.Validate(ctx, registry, worker, props)   // err: there is nothing to validate against
//	if res.ErrorCount > 0 { … 400, res.Error() }
//	plan, err := connectorconfig.NewPlan(registry, worker, resolvedProps)
package connectorconfig

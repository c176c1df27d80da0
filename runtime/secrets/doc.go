// Package secrets resolves ${provider:path:key} in configs with config providers, and brings the three of Apache Kafka:
// FileConfigProvider, DirectoryConfigProvider and EnvVarConfigProvider (KIP-297, KIP-421, KIP-887).
//
// # Contract
//
// A config is resolved where the thing it configures is started, never before it is written to a topic. What cannot be resolved
// (a provider nobody configured, a key the provider does not have) stays as it is written, as Java's ConfigTransformer leaves it;
// what the resolved text holds is not resolved again. No value that a provider returned is logged or put into an error.
//
// Values may be files whose change must be noticed; Resolution.TTL tells when to ask again, and Resolution.Fingerprint whether something
// has changed. The file and directory providers give their values the TTL watch.interval.ms.
//
//	r, err := secrets.New(ctx, secrets.Config{Providers: &registry.ConfigProviders, Worker: props})
//	res, err := r.Resolve(ctx, connectorProps)
//	start(res.Props)
package secrets

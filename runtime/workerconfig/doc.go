// Package workerconfig reads the worker config of Kafka Connect 4.x: the keys of connect-distributed.properties and
// connect-standalone.properties (Java: WorkerConfig, DistributedConfig, StandaloneConfig, RestServerConfig), from a Java properties
// file and from CONNECT_* environment variables, into typed structs.
//
// # Contract
//
// Everything wrong is reported at once, each problem with its key, value and what is allowed. Keys nobody knows are no errors, since
// plugins may read them: they are warned of, with the nearest known key. Keys whose feature is not there are accepted with a warning,
// so that an existing file works as it is. The structs are plain values; they are read at start and never change.
//
// Config providers are resolved by the caller, between reading and loading, because they are plugins (package secrets).
//
//	props, err := workerconfig.ReadFile("connect-distributed.properties")
//	props = workerconfig.Overlay(props, os.Environ())
//	cfg, err := workerconfig.LoadDistributed(props)
package workerconfig

// Package plugin holds the plugins a worker knows: sets of connectors, transformations, predicates, converters, header converters
// and config providers, found by class name or alias and version (KIP-891). A Registry is a value: a test holds one of two plugins.
// Nothing registers itself on import.
package plugin

// Package cluster holds the nouns that the parts of the runtime share: target states, statuses, the configuration snapshot,
// members and assignments. It has no behaviour beyond small accessors, so that the pure packages (assign, herder/core) and the
// shells (group, store, worker, rest) agree without importing each other.
package cluster

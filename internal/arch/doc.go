// Package arch holds the house rules of this repository as tests: who may import whom, what pure packages must not do, package
// comments, file sizes, names. It has no code but its tests.
//
// The rules are in rules_test.go, one row a package, each with its reason; a finding prints the reason of the row it breaks. Whoever
// needs another cut changes the row and the reason in the same change, and says why in docs/ARCHITECTURE.md.
//
// The tests read the source files themselves, so that files behind build tags are held to the same rules, and so that go test knows
// which files a cached result depends on.
package arch

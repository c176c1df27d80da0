//go:build !race

package sourcetask_test

// raced tells that the race detector is on.
const raced = false

package connecttest_test

import (
	"testing"

	"go.uber.org/goleak"
)

// release ends the goroutines of the connectors that are broken in this way.
var release = make(chan struct{})

type releasing struct{ m *testing.M }

func (r releasing) Run() int {
	code := r.m.Run()
	close(release)
	return code
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(releasing{m}) }

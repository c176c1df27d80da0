//go:build integration && capture

package golden

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/connectd/connectd/test/process"
)

// TestCapture makes the captures anew with the Java worker at BED_CONNECT; GOLDEN_MODES names those to make, else all.
func TestCapture(t *testing.T) {
	ms := modes
	if only := os.Getenv("GOLDEN_MODES"); only != "" {
		names := strings.Split(only, ",")
		ms = slices.DeleteFunc(slices.Clone(modes), func(m mode) bool { return !slices.Contains(names, m.name) })
	}
	for name, rs := range play(t, process.NewREST(t, process.Bed(t, "BED_CONNECT")), process.Unique("goldenrun"), ms) {
		save(t, name, rs)
	}
}

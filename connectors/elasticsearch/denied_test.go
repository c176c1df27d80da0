package elasticsearch

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestMissingPermissionsAreErrPermission(t *testing.T) {
	for status, want := range map[int]bool{401: true, 403: true, 404: false, 500: false} {
		if got := errors.Is(fmt.Errorf("x: %w", &statusError{status: status}), fs.ErrPermission); got != want {
			t.Errorf("%d: %v", status, got)
		}
	}
}

package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectd/connectd/runtime/cluster"
)

func TestBoundedGivesUpWhatDoesNotCare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		hang := make(chan struct{})
		_, err := bounded(ctx, "asking", func(context.Context) (int, error) { <-hang; return 1, nil })
		late, ok := errors.AsType[*cluster.TimedOut](err)
		if !ok || !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(late.Error(), "Request timed out. The worker is currently asking, which began at ") {
			t.Errorf("%v", err)
		}
		close(hang)
	})
	n, err := bounded(t.Context(), "asking", func(context.Context) (int, error) { return 7, nil })
	if n != 7 || err != nil {
		t.Error(n, err)
	}
	if _, err := bounded(t.Context(), "asking", func(context.Context) (int, error) { panic("boom") }); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Error(err)
	}
}

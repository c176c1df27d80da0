package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/connectd/connectd/runtime/cluster"
)

// bounded calls do, which may run a connector's code, and gives it up when ctx ends: such code may not care about its context, and nobody
// must wait for it. doing is the stage that the error of a time-out names. A panic becomes an error.
func bounded[T any](ctx context.Context, doing string, do func(context.Context) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	began := time.Now()
	answers := make(chan answer, 1)
	go func() {
		var a answer
		defer func() {
			if p := recover(); p != nil {
				a.err = fmt.Errorf("panic while %s: %v\n%s", doing, p, debug.Stack())
			}
			answers <- a
		}()
		a.value, a.err = do(ctx)
	}()
	select {
	case a := <-answers:
		if a.err != nil && ctx.Err() != nil {
			a.err = &cluster.TimedOut{Doing: doing, Began: began, Cause: a.err}
		}
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, &cluster.TimedOut{Doing: doing, Began: began, Cause: context.Cause(ctx)}
	}
}

package file

import (
	"context"
	"io"
	"os"
	"sync"
	"time"
)

// input reads ahead of a reader that cannot be interrupted, so that Poll can.
type input struct{ chunks chan []byte }

// standardInput is the reader of this process's standard input. There is one, and its goroutine stays until the input ends: a read of
// standard input cannot be cancelled, and one goroutine for each task would take lines from the next.
var standardInput = sync.OnceValue(func() *input { return newInput(os.Stdin) })

func newInput(r io.Reader) *input {
	in := &input{chunks: make(chan []byte)}
	go in.read(r)
	return in
}

// read ends with the reader; an error is an end, as in Java.
func (in *input) read(r io.Reader) {
	for {
		b := make([]byte, readSize)
		n, err := r.Read(b)
		if n > 0 {
			in.chunks <- b[:n]
		}
		if err != nil {
			close(in.chunks)
			return
		}
	}
}

// next waits for input; nil if ctx ends or none comes for idleWait.
func (in *input) next(ctx context.Context) []byte {
	idle := time.NewTimer(idleWait)
	defer idle.Stop()
	select {
	case b, ok := <-in.chunks:
		if ok {
			return b
		}
	case <-ctx.Done():
		return nil
	case <-idle.C:
		return nil
	}
	select { // the input has ended: nothing comes any more
	case <-ctx.Done():
	case <-idle.C:
	}
	return nil
}

package worker

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"syscall"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/connectorconfig"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/plugin"
	"github.com/connectd/connectd/runtime/supervise"
)

// configError is a failure that another config alone can help.
type configError struct{ error }

func (e configError) Unwrap() error { return e.error }

// fencing are the answers of a broker that say that another instance has taken over.
var fencing = []error{kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.FencedInstanceID, kerr.FencedMemberEpoch}

// denials are the answers of a broker to clients that may not. Connectors tell of the like by errors that are fs.ErrPermission.
var denials = []error{
	kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed,
	kerr.SaslAuthenticationFailed, kerr.DelegationTokenAuthorizationFailed,
}

// passing are errors that pass by themselves, next to those that say so and those of the network.
var passing = []error{
	io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, context.DeadlineExceeded, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE,
	syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ETIMEDOUT, syscall.ENOSPC, kgo.ErrRecordTimeout, kgo.ErrRecordRetries,
}

// classify tells what kind of error ended a run. The order matters: a record that fails because a registry is away is a passing error.
func classify(err error) supervise.Failure {
	after, retriable := connect.RetryAfter(err)
	f := supervise.Failure{After: after}
	_, panicked := errors.AsType[*pipeline.PanicError](err)
	stage, ofRecord := errors.AsType[*pipeline.StageError](err)
	put, ofPut := errors.AsType[*connect.PutError](err)
	switch {
	case panicked:
		f.Class = supervise.Panic
	case isAny(err, fencing):
		f.Class = supervise.Fenced
	case isAny(err, denials), errors.Is(err, fs.ErrPermission):
		f.Class = supervise.Authorization
	case retriable, isPassing(err):
		f.Class = supervise.Retriable
	case ofRecord:
		f.Class, f.Place = supervise.Data, stage.Error()
	case ofPut:
		f.Class, f.Place = supervise.Data, put.Error()
	case isConfig(err):
		f.Class = supervise.Configuration
	}
	return f
}

func isAny(err error, of []error) bool {
	for _, e := range of {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func isPassing(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return isAny(err, passing) || kerr.IsRetriable(err)
}

func isConfig(err error) bool {
	if _, ok := errors.AsType[*config.Error](err); ok {
		return true
	}
	if _, ok := errors.AsType[*connectorconfig.BadRequest](err); ok {
		return true
	}
	if _, ok := errors.AsType[*plugin.NotFound](err); ok {
		return true
	}
	_, ok := errors.AsType[configError](err)
	return ok
}

// Command connectd runs connectors of Kafka Connect's kind: connectd distributed worker.properties. See usage below and docs/.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"syscall"

	"github.com/connectd/connectd/runtime/logging"
)

// version is set by the build (-ldflags -X main.version=…).
var version = "dev"

const usage = `connectd runs Kafka Connect connectors.

  connectd distributed WORKER.properties                     a worker in a group
  connectd standalone WORKER.properties CONNECTOR…           one worker alone; connectors as .properties or .json
  connectd dev [--listen HOST:PORT] [--kafka-listen HOST:PORT] [--data-dir DIR]
                                                             broker and worker in one process, nothing to install
  connectd dlq list|show|replay [FLAG…] TOPIC                read dead letters, and put the records back
  connectd docs DIR                                          write the reference of all config keys
  connectd version

Environment: CONNECT_* overrides worker keys (CONNECT_BOOTSTRAP_SERVERS is bootstrap.servers); CONNECTD_LOG_LEVEL is debug, info,
warn or error; CONNECTD_LOG_FORMAT is json or text. CONNECTD_CPUPROFILE names a file, or a directory,
that the process's CPU profile is written to.
`

// Exit codes, as the JVM's and sysexits': 1 for a failure while running, 2 for wrong use or config.
const (
	exitFailed = 1
	exitUsage  = 2
)

// usageError is an error of the command line or config: nothing was started.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func main() {
	tuneCollector()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := profiled(func() error { return run(ctx, os.Args[1:], os.Stdout) })
	stop()
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, "connectd:", err)
	if _, ok := errors.AsType[*usageError](err); ok {
		os.Exit(exitUsage)
	}
	os.Exit(exitFailed)
}

// profiled calls f and writes the CPU profile of that time to CONNECTD_CPUPROFILE, a file or a directory, if it is set: for go tool pprof,
// and for the profile that the compiler optimises by (make pgo).
func profiled(f func() error) (err error) {
	name := os.Getenv("CONNECTD_CPUPROFILE")
	if name == "" {
		return f()
	}
	if st, err := os.Stat(name); err == nil && st.IsDir() {
		name = filepath.Join(name, fmt.Sprintf("connectd-%d.pprof", os.Getpid()))
	}
	out, err := os.Create(name)
	if err != nil {
		return &usageError{fmt.Errorf("CONNECTD_CPUPROFILE: %w", err)}
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		_ = out.Close()
		return fmt.Errorf("CONNECTD_CPUPROFILE: %w", err)
	}
	defer func() {
		pprof.StopCPUProfile()
		err = errors.Join(err, out.Close())
	}()
	return f()
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return &usageError{errors.New("a command is missing")}
	}
	switch args[0] {
	case "distributed":
		return distributed(ctx, args[1:])
	case "standalone":
		return standalone(ctx, args[1:])
	case "dev":
		return dev(ctx, args[1:], out)
	case "dlq":
		return dlq(ctx, args[1:], out)
	case "docs":
		return docs(args[1:])
	case "version", "--version":
		fmt.Fprintln(out, version)
		return nil
	case "help", "--help", "-h":
		fmt.Fprint(out, usage)
		return nil
	default:
		fmt.Fprint(os.Stderr, usage)
		return &usageError{fmt.Errorf("unknown command %q", args[0])}
	}
}

// newLog makes the process's logger: JSON lines on standard error, level from the environment.
func newLog() (*slog.Logger, *logging.Levels, error) {
	level := slog.LevelInfo
	if l := os.Getenv("CONNECTD_LOG_LEVEL"); l != "" {
		if err := level.UnmarshalText([]byte(l)); err != nil {
			return nil, nil, &usageError{fmt.Errorf("CONNECTD_LOG_LEVEL: %w", err)}
		}
	}
	levels := logging.New(level)
	opts := &slog.HandlerOptions{Level: slog.Level(math.MinInt)} // levels decides
	switch f := os.Getenv("CONNECTD_LOG_FORMAT"); f {
	case "", "json":
		return slog.New(levels.Handler(slog.NewJSONHandler(os.Stderr, opts))), levels, nil
	case "text":
		return slog.New(levels.Handler(slog.NewTextHandler(os.Stderr, opts))), levels, nil
	default:
		return nil, nil, &usageError{fmt.Errorf("CONNECTD_LOG_FORMAT: %q is neither json nor text", f)}
	}
}

//go:build integration

package rest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// binary is the connectd under test, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "connectd-rest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "connectd")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "github.com/connectd/connectd/cmd/connectd")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	code := 1
	if err := build.Run(); err == nil {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// startWorker runs a worker with its own broker and an empty cluster until the test ends, and returns its URL.
func startWorker(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	listen := freeAddr(t)
	url := "http://" + listen
	logFile := filepath.Join(dir, "connectd.log")
	log, err := os.Create(logFile)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "dev", "--listen", listen, "--kafka-listen", freeAddr(t), "--data-dir", filepath.Join(dir, "data"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); log.Close(); close(done) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(30 * time.Second):
			t.Error("connectd did not stop within 30 s of SIGTERM")
			_ = cmd.Process.Kill()
			<-done
		}
		if t.Failed() {
			b, _ := os.ReadFile(logFile)
			t.Logf("log of connectd:\n%s", b[max(0, len(b)-4000):])
		}
	})
	await(t, 30*time.Second, "worker healthy", func() error {
		select {
		case <-done:
			t.Fatal("connectd ended")
		default:
		}
		a, err := ask(url, call{Method: http.MethodGet, Path: "/health"})
		if err == nil && a.status != http.StatusOK {
			err = fmt.Errorf("HTTP %d: %s", a.status, a.body)
		}
		return err
	})
	return url
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// await asks until the answer is nil.
func await(t *testing.T, limit time.Duration, what string, ok func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond) // the far side offers nothing to wait on but asking
	defer again.Stop()
	for {
		err := ok()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %s: %v", what, limit, err)
		case <-again.C:
		}
	}
}

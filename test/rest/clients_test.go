//go:build integration

package rest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestClients drives a worker with clients that others wrote for Kafka Connect's REST API, in three languages (clients/). Run against
// another worker with CONNECT_URL.
func TestClients(t *testing.T) {
	url := os.Getenv("CONNECT_URL")
	if url == "" {
		url = startWorker(t)
	}
	dir := t.TempDir()
	t.Run("Go", func(t *testing.T) {
		driver := filepath.Join(dir, "clients-go")
		output(t, "go", "build", "-C", "clients/go", "-buildvcs=false", "-o", driver, ".")
		t.Log(output(t, driver, url, dir))
	})
	t.Run("Python", func(t *testing.T) {
		t.Log(output(t, need(t, "python")[0], "clients/python/clients.py", url, dir))
	})
	t.Run("Java", func(t *testing.T) {
		found := need(t, "java")
		t.Log(output(t, found[0], "-cp", found[1], "clients/java/Clients.java", url, dir))
	})
}

// need fetches the clients of a language, and lists what runs its driver.
func need(t *testing.T, language string) []string {
	t.Helper()
	return strings.Split(strings.TrimSpace(output(t, "clients/need", language)), "\n")
}

// output runs a program and returns its standard output.
func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // a first run downloads
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, out, said.String())
	}
	return string(out)
}

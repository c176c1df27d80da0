//go:build integration

package helm

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "render testdata/rendered anew")

// helm runs the program named by the environment variable HELM, else the one in PATH. Its absence is a failure: a
// chart that is not tested must not look tested.
func helm(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	program := os.Getenv("HELM")
	if program == "" {
		program = "helm"
	}
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("helm is needed (%v): run HELM=$(tools/need helm) go test …, or make test-integration", err)
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	// Neither the developer's clusters nor plugins and repositories may change the outcome.
	cmd.Env = append(os.Environ(), "KUBECONFIG=/dev/null", "HELM_PLUGINS="+t.TempDir(), "HELM_CONFIG_HOME="+t.TempDir())
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func template(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	return helm(t, append([]string{"template", "test", "connectd", "--namespace", "data", "--kube-version", "1.33.0"}, args...)...)
}

func TestChart(t *testing.T) {
	files, err := filepath.Glob("testdata/values/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("testdata/values has %d files (%v), want at least 3", len(files), err)
	}
	for _, values := range files {
		t.Run(strings.TrimSuffix(filepath.Base(values), ".yaml"), func(t *testing.T) {
			if out, errs, err := helm(t, "lint", "--strict", "connectd", "--values", values); err != nil {
				t.Fatalf("helm lint: %v\n%s%s", err, out, errs)
			}
			got, errs, err := template(t, "--values", values)
			if err != nil {
				t.Fatalf("helm template: %v\n%s", err, errs)
			}
			golden := filepath.Join("testdata", "rendered", filepath.Base(values))
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v; render it with -update", err)
			}
			if line, g, w := firstDifference(got, string(want)); line > 0 {
				t.Errorf("%s:%d differs (-update renders anew)\n got: %s\nwant: %s", golden, line, g, w)
			}
		})
	}
}

// firstDifference returns the number of the first line that differs, counted from 1, and both lines; 0 if none does.
func firstDifference(got, want string) (line int, g, w string) {
	gs, ws := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(gs), len(ws)) {
		g, w = "<end>", "<end>"
		if i < len(gs) {
			g = gs[i]
		}
		if i < len(ws) {
			w = ws[i]
		}
		if g != w {
			return i + 1, g, w
		}
	}
	return 0, "", ""
}

// Mistakes in values are refused before anything reaches a cluster, and the message names the value.
func TestBadValues(t *testing.T) {
	const bootstrap = "kafka.bootstrapServers=kafka:9092"
	tests := []struct {
		name, want string
		set        []string
	}{
		{"no bootstrap servers", "bootstrapServers", nil},
		{"bootstrap server without port", "bootstrapServers", []string{"kafka.bootstrapServers=kafka"}},
		{"misspelt value", "replicas", []string{bootstrap, "replicas=2"}},
		{"misspelt nested value", "tagg", []string{bootstrap, "image.tagg=x"}},
		{"wrong type", "replicaCount", []string{bootstrap, "replicaCount=many"}},
		{"key the chart owns", "group.id belongs to the chart", []string{bootstrap, `worker.group\.id=x`}},
		{"key with a line break", "not a key", []string{bootstrap, "worker.a b=x"}},
		{"structure as a worker property", "worker", []string{bootstrap, "worker.a.b=x"}},
		{"replication factor 0", "replicationFactor", []string{bootstrap, "group.replicationFactor=0"}},
		{"digest that is none", "digest", []string{bootstrap, "image.digest=latest"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var args []string
			for _, set := range test.set {
				args = append(args, "--set", set)
			}
			out, errs, err := template(t, args...)
			if err == nil {
				t.Fatalf("rendered:\n%s", out)
			}
			if !strings.Contains(errs, test.want) {
				t.Errorf("the message does not name %q:\n%s", test.want, errs)
			}
		})
	}
}

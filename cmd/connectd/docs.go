package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/connectorconfig"
	"github.com/connectd/connectd/runtime/metrics"
	"github.com/connectd/connectd/runtime/workerconfig"
)

// docs writes the reference of all config keys, one page a plugin: connectd docs DIR.
func docs(args []string) error {
	if len(args) != 1 {
		return &usageError{errors.New("docs takes the folder to write to")}
	}
	reg, err := plugins()
	if err != nil {
		return err
	}
	pages := map[string]*config.Def{
		"worker-distributed": workerconfig.DistributedKeys(), "worker-standalone": workerconfig.StandaloneKeys(),
		"connector-source": connectorconfig.SourceKeys(), "connector-sink": connectorconfig.SinkKeys(),
	}
	defs(pages, reg.Sources.All())
	defs(pages, reg.Sinks.All())
	defs(pages, reg.Transforms.All())
	defs(pages, reg.Predicates.All())
	defs(pages, reg.Converters.All())
	defs(pages, reg.HeaderConverters.All())
	defs(pages, reg.ConfigProviders.All())
	if err := os.MkdirAll(args[0], 0o755); err != nil {
		return fmt.Errorf("making the folder: %w", err)
	}
	for name, d := range pages {
		if err := page(filepath.Join(args[0], name+".md"), name, d); err != nil {
			return err
		}
	}
	return metricsPage(filepath.Join(args[0], "metrics.md"))
}

// defs adds the pages of plugins, by the last part of their class names. A class that is both converter and header converter has one.
func defs[T any](pages map[string]*config.Def, ps []connect.Plugin[T]) {
	for _, p := range ps {
		if p.Config != nil && len(p.Config.Keys()) > 0 {
			pages[strings.ReplaceAll(p.Name[strings.LastIndexByte(p.Name, '.')+1:], "$", "-")] = p.Config
		}
	}
}

// metricsPage lists the runtime's metrics.
func metricsPage(path string) error {
	var b strings.Builder
	b.WriteString("# metrics\n\nWritten by `connectd docs`; do not edit.\n\n| metric | type | labels | meaning | in Kafka Connect (JMX) |\n|---|---|---|---|---|\n")
	for _, m := range metrics.Table() {
		fmt.Fprintf(&b, "| `%s%s` | %s | %s | %s | %s |\n", metrics.Prefix, m.Name, m.Type, strings.Join(m.Labels, ", "), m.Help, m.JMX)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("writing a page: %w", err)
	}
	return nil
}

func page(path, title string, d *config.Def) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing a page: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := fmt.Fprintf(f, "# %s\n\nWritten by `connectd docs`; do not edit.\n\n", title); err != nil {
		return err
	}
	return d.WriteMarkdown(f)
}

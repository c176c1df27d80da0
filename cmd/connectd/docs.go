package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
	own := map[string]*pluginMetric{}
	pluginMetrics(own, reg.Sources.All())
	pluginMetrics(own, reg.Sinks.All())
	return metricsPage(filepath.Join(args[0], "metrics.md"), own)
}

// defs adds the pages of plugins, by the last part of their class names. A class that is both converter and header converter has one.
func defs[T any](pages map[string]*config.Def, ps []connect.Plugin[T]) {
	for _, p := range ps {
		if p.Config != nil && len(p.Config.Keys()) > 0 {
			pages[strings.ReplaceAll(p.Name[strings.LastIndexByte(p.Name, '.')+1:], "$", "-")] = p.Config
		}
	}
}

// pluginMetric is a metric that connectors bring, by name.
type pluginMetric struct {
	*connect.Metric
	plugins []string
}

func pluginMetrics[T any](own map[string]*pluginMetric, ps []connect.Plugin[T]) {
	for _, p := range ps {
		for _, m := range p.Metrics {
			if own[m.Name] == nil {
				own[m.Name] = &pluginMetric{Metric: m}
			}
			own[m.Name].plugins = append(own[m.Name].plugins, p.Name[strings.LastIndexByte(p.Name, '.')+1:])
		}
	}
}

// metricsPage lists the metrics of the runtime and of connectors.
func metricsPage(path string, own map[string]*pluginMetric) error {
	var b strings.Builder
	b.WriteString("# metrics\n\nWritten by `connectd docs`; do not edit.\n\n| metric | type | labels | meaning | in Kafka Connect (JMX) |\n|---|---|---|---|---|\n")
	for _, m := range metrics.Table() {
		fmt.Fprintf(&b, "| `%s%s` | %s | %s | %s | %s |\n", metrics.Prefix, m.Name, m.Type, strings.Join(m.Labels, ", "), m.Help, m.JMX)
	}
	b.WriteString("\n## Of connectors\n\nCounters end in `_total`. In brackets: the MBean attribute of Debezium.\n\n| metric | labels | of | meaning |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(own)) {
		m := own[name]
		labels := "connector, task"
		if m.Label != "" {
			labels += ", " + m.Label
		}
		slices.Sort(m.plugins)
		fmt.Fprintf(&b, "| `%s%s` | %s | %s | %s |\n", metrics.Prefix, m.Name, labels, strings.Join(slices.Compact(m.plugins), ", "), m.Help)
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

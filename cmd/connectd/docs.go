package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/connectorconfig"
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
	add := func(name string, d *config.Def) {
		if d != nil {
			pages[strings.ReplaceAll(name[strings.LastIndexByte(name, '.')+1:], "$", "-")] = d
		}
	}
	for _, p := range reg.Sources.All() {
		add(p.Name, p.Config)
	}
	for _, p := range reg.Sinks.All() {
		add(p.Name, p.Config)
	}
	for _, p := range reg.Transforms.All() {
		add(p.Name, p.Config)
	}
	for _, p := range reg.Predicates.All() {
		add(p.Name, p.Config)
	}
	for _, p := range reg.Converters.All() {
		add(p.Name, p.Config)
	}
	if err := os.MkdirAll(args[0], 0o755); err != nil {
		return fmt.Errorf("making the folder: %w", err)
	}
	for name, d := range pages {
		if err := page(filepath.Join(args[0], name+".md"), name, d); err != nil {
			return err
		}
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

// Command clients drives a worker of Kafka Connect with REST clients that others wrote: go-kafka/connect and cloudhut/connect-client, which
// Redpanda Console uses. It is a module of its own, so that connectd does not depend on them. Usage: clients URL DIR; every
// expectation that does not hold ends it with status 1.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	cloudhut "github.com/cloudhut/connect-client"
	gokafka "github.com/go-kafka/connect"
)

func main() {
	url, dir := os.Args[1], os.Args[2]
	for name, drive := range map[string]func(url, file string) error{"go-kafka": driveGoKafka, "cloudhut": driveCloudhut} {
		// New: connectors of earlier runs have left offsets.
		file := filepath.Join(dir, fmt.Sprintf("%s-%d.txt", name, time.Now().UnixNano()))
		if err := errors.Join(os.WriteFile(file, []byte("one\ntwo\n"), 0o600), drive(url, file)); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			os.Exit(1)
		}
		fmt.Println(name, "ok")
	}
}

// steps runs calls in their order and names the one that failed.
type steps []struct {
	name string
	do   func() error
}

func (s steps) run() error {
	for _, step := range s {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

func expect(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// eventually repeats a call until it is content.
func eventually(do func() error) error {
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = do(); err == nil {
			return nil
		}
	}
	return err
}

func config(file string) map[string]string {
	return map[string]string{"connector.class": "FileStreamSource", "tasks.max": "1", "file": file, "topic": "clients"}
}

func driveGoKafka(url, file string) error {
	const name = "client-go-kafka"
	c := gokafka.NewClient(url)
	state := func(want string) func() error {
		return func() error {
			return eventually(func() error {
				st, _, err := c.GetConnectorStatus(name)
				if err != nil {
					return err
				}
				return expect(st.Connector.State == want && len(st.Tasks) == 1 && st.Tasks[0].State == want, "status %+v", st)
			})
		}
	}
	accepted := func(do func(string) (*http.Response, error), status int) func() error {
		return func() error {
			res, err := do(name)
			if err != nil {
				return err
			}
			return expect(res.StatusCode == status, "status %d", res.StatusCode)
		}
	}
	return steps{
		{"create", func() error {
			conn := gokafka.Connector{Name: name, Config: config(file)}
			res, err := c.CreateConnector(&conn)
			if err != nil {
				return err
			}
			return expect(res.StatusCode == 201 && conn.Config["name"] == name, "status %d, %+v", res.StatusCode, conn)
		}},
		{"create again", func() error {
			_, err := c.CreateConnector(&gokafka.Connector{Name: name, Config: config(file)})
			var api gokafka.APIError
			return expect(errors.As(err, &api) && api.Code == 409, "%v", err)
		}},
		{"running", state("RUNNING")},
		{"list", func() error {
			names, _, err := c.ListConnectors()
			return errors.Join(err, expect(slices.Contains(names, name), "%v", names))
		}},
		{"get", func() error {
			conn, _, err := c.GetConnector(name)
			if err != nil {
				return err
			}
			return expect(len(conn.Tasks) == 1 && conn.Tasks[0].ConnectorName == name, "%+v", conn)
		}},
		{"config", func() error {
			cfg, _, err := c.GetConnectorConfig(name)
			return errors.Join(err, expect(cfg["file"] == file, "%v", cfg))
		}},
		{"tasks", func() error {
			tasks, _, err := c.GetConnectorTasks(name)
			return errors.Join(err, expect(len(tasks) == 1 && tasks[0].Config["task.class"] != "", "%+v", tasks))
		}},
		{"pause", accepted(c.PauseConnector, 202)},
		{"paused", state("PAUSED")},
		{"resume", accepted(c.ResumeConnector, 202)},
		{"resumed", state("RUNNING")},
		{"restart", accepted(c.RestartConnector, 204)},
		{"restarted", state("RUNNING")},
		{"update", func() error {
			cfg := config(file)
			cfg["batch.size"] = "10"
			conn, res, err := c.UpdateConnectorConfig(name, cfg)
			if err != nil {
				return err
			}
			return expect(res.StatusCode == 200 && conn.Config["batch.size"] == "10", "%d %+v", res.StatusCode, conn)
		}},
		{"delete", accepted(c.DeleteConnector, 204)},
		{"gone", func() error {
			return eventually(func() error {
				_, res, err := c.GetConnectorStatus(name)
				return expect(err != nil && res != nil && res.StatusCode == 404, "%v", err)
			})
		}},
	}.run()
}

func driveCloudhut(url, file string) error {
	const name = "client cloudhut" // to be escaped
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := cloudhut.NewClient(cloudhut.WithHost(url))
	props := map[string]any{}
	for k, v := range config(file) {
		props[k] = v
	}
	props["tasks.max"] = 1 // a number, as forms send it
	state := func(want string, tasks int) func() error {
		return func() error {
			return eventually(func() error {
				st, err := c.GetConnectorStatus(ctx, name)
				if err != nil {
					return err
				}
				return expect(st.Connector.State == want && len(st.Tasks) == tasks && (tasks == 0 || st.Tasks[0].State == want), "status %+v", st)
			})
		}
	}
	return steps{
		{"root", func() error {
			root, err := c.GetRoot(ctx)
			return errors.Join(err, expect(root.Version != "" && root.KafkaClusterID != "", "%+v", root))
		}},
		{"plugins", func() error {
			plugins, err := c.GetConnectorPlugins(ctx)
			found := slices.ContainsFunc(plugins, func(p cloudhut.ConnectorPluginInfo) bool {
				return p.Class == "org.apache.kafka.connect.file.FileStreamSourceConnector" && p.Type == "source" && p.Version != ""
			})
			return errors.Join(err, expect(found, "%+v", plugins))
		}},
		{"validate", func() error {
			res, err := c.PutValidateConnectorConfig(ctx, "FileStreamSource", cloudhut.ValidateConnectorConfigOptions{
				Config: map[string]any{"connector.class": "FileStreamSource", "name": name},
			})
			// What Redpanda Console draws its form from.
			for _, k := range res.Configs {
				for _, field := range []string{"name", "type", "required", "default_value", "importance", "documentation", "group", "order_in_group", "width", "display_name", "dependents"} {
					if _, ok := k.Definition[field]; !ok {
						return fmt.Errorf("a definition without %s: %v", field, k.Definition)
					}
				}
				for _, field := range []string{"name", "value", "recommended_values", "errors", "visible"} {
					if _, ok := k.Value[field]; !ok {
						return fmt.Errorf("a value without %s: %v", field, k.Value)
					}
				}
			}
			return errors.Join(err, expect(res.ErrorCount == 1 && len(res.Configs) > 20 && len(res.Groups) > 5, "%d errors, %d keys, %v", res.ErrorCount, len(res.Configs), res.Groups))
		}},
		{"create", func() error {
			info, err := c.CreateConnector(ctx, cloudhut.CreateConnectorRequest{Name: name, Config: props})
			return errors.Join(err, expect(info.Name == name && info.Type == "source" && info.Config["tasks.max"] == "1", "%+v", info))
		}},
		{"running", state("RUNNING", 1)},
		{"expanded", func() error {
			all, err := c.ListConnectorsExpanded(ctx)
			return errors.Join(err, expect(all[name].Status.Connector.State == "RUNNING" && all[name].Info.Type == "source", "%+v", all))
		}},
		{"topics", func() error {
			return eventually(func() error {
				topics, err := c.GetConnectorTopics(ctx, name)
				return errors.Join(err, expect(slices.Contains(topics[name].Topics, "clients"), "%+v", topics))
			})
		}},
		{"reset topics", func() error { return c.ResetConnectorTopics(ctx, name) }},
		{"restart task", func() error { return c.RestartConnectorTask(ctx, name, 0) }},
		{"restarted", state("RUNNING", 1)},
		{"restart all", func() error {
			return c.RestartConnector(ctx, name, cloudhut.RestartConnectorOptions{IncludeTasks: true, OnlyFailed: false})
		}},
		{"restarted all", state("RUNNING", 1)},
		{"pause", func() error { return c.PauseConnector(ctx, name) }},
		{"paused", state("PAUSED", 1)},
		{"resume", func() error { return c.ResumeConnector(ctx, name) }},
		{"resumed", state("RUNNING", 1)},
		{"stop", func() error { return c.StopConnector(ctx, name) }},
		{"stopped", state("STOPPED", 0)},
		{"unknown", func() error {
			_, err := c.GetConnector(ctx, "nobody")
			var api cloudhut.ApiError
			return expect(errors.As(err, &api) && api.ErrorCode == 404 && api.Message == "Connector nobody not found", "%v", err)
		}},
		{"bad config", func() error {
			_, err := c.PutConnectorConfig(ctx, name, cloudhut.PutConnectorConfigOptions{Config: map[string]any{"connector.class": "FileStreamSource"}})
			var api cloudhut.ApiError
			return expect(errors.As(err, &api) && api.ErrorCode == 400, "%v", err)
		}},
		{"delete", func() error { return c.DeleteConnector(ctx, name) }},
	}.run()
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/internal/broker"
	"github.com/connectd/connectd/runtime/workerconfig"
)

// dev runs an embedded broker and a worker in one process.
func dev(ctx context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("dev", flag.ContinueOnError)
	listen := fs.String("listen", "127.0.0.1:8083", "address of the REST API")
	kafkaListen := fs.String("kafka-listen", "127.0.0.1:9092", "address of the embedded broker")
	dir := fs.String("data-dir", defaultDataDir(), "folder for the broker's data")
	if err := fs.Parse(args); err != nil {
		return &usageError{err}
	}
	if fs.NArg() > 0 {
		return &usageError{errors.New("dev takes flags only")}
	}
	log, levels, err := newLog()
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(*listen)
	if err != nil {
		return &usageError{fmt.Errorf("--listen: %w", err)}
	}
	b, err := broker.Start(*kafkaListen, *dir)
	if err != nil {
		return err
	}
	defer b.Close()
	props := workerconfig.Overlay(config.Props{
		"bootstrap.servers": b.Addr(), "group.id": "connectd-dev", "listeners": "http://" + net.JoinHostPort(host, port),
		"config.storage.topic": "connect-configs", "offset.storage.topic": "connect-offsets", "status.storage.topic": "connect-status",
		"config.storage.replication.factor": "1", "offset.storage.replication.factor": "1", "status.storage.replication.factor": "1",
		"offset.storage.partitions": "5", "status.storage.partitions": "1", "offset.flush.interval.ms": "5000",
		"key.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter",
		"topic.creation.enable": "true",
		// One worker: there is nobody to wait for.
		"scheduled.rebalance.max.delay.ms": "0",
	}, os.Environ())
	return runDistributed(ctx, props, log, levels, func(url string) {
		fmt.Fprintf(out, "connectd dev: REST %s  Kafka %s  data %s\n", url, b.Addr(), *dir)
	})
}

func defaultDataDir() string {
	if d, err := os.UserCacheDir(); err == nil {
		return filepath.Join(d, "connectd", "dev")
	}
	return "connectd-dev"
}

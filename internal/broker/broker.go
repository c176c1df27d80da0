// Package broker is the embedded Kafka broker of `connectd dev`: franz-go's kfake on a folder.
//
// What it promises: the Kafka protocol for produce, fetch, groups, transactions and topic administration on one loopback address; data
// that outlives an orderly stop, and after a killed process all that the operating system had taken. What it does not: replication,
// authentication, quotas, or the throughput and memory bounds of Apache Kafka. It is for trying things out and for tests.
package broker

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Broker runs until Close.
type Broker struct {
	cluster *kfake.Cluster
	lock    *os.File
	addr    string
}

// Start starts a broker on addr (host:port; port 0 picks one) with its data in dir, which is created. A second process on the same dir
// is refused.
func Start(addr, dir string) (*Broker, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("reading the broker's address %q: %w", addr, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("reading the port of the broker's address %q: %w", addr, err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(int(n)), kfake.DataDir(filepath.Join(dir, "broker")), kfake.AllowAutoTopicCreation(),
		kfake.DefaultNumPartitions(1), kfake.ClusterID("connectd-dev"),
		kfake.ListenFn(func(network, address string) (net.Listener, error) {
			_, p, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return net.Listen(network, net.JoinHostPort(host, p)) //nolint:noctx // listening waits for nothing
		}))
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("starting the embedded broker on %s: %w", addr, err)
	}
	return &Broker{cluster: c, lock: lock, addr: c.ListenAddrs()[0]}, nil
}

// lockDir makes dir this process's own until it ends.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking the data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("locking the data folder %s: another connectd uses it; stop that one or name another folder with --data-dir: %w", dir, err)
	}
	return f, nil
}

// Addr is where clients connect, host:port.
func (b *Broker) Addr() string { return b.addr }

// Close stops the broker and makes its data durable.
func (b *Broker) Close() {
	b.cluster.Close()
	_ = b.lock.Close()
}

package hdfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path"
	"strings"
	"time"

	client "github.com/colinmarc/hdfs/v2"
	"github.com/colinmarc/hdfs/v2/hadoopconf"
)

const (
	dialTimeout = 20 * time.Second // ipc.client.connect.timeout
	ioTimeout   = 60 * time.Second // dfs.client.socket-timeout
)

// hdfsFS talks to HDFS over its native protocols.
type hdfsFS struct{ c *client.Client }

// dialHDFS connects to the NameNode of host ("host:port"), or, with a Hadoop configuration, to those of the nameservice host.
func dialHDFS(host, confDir string) (fileSystem, error) {
	o := client.ClientOptions{}
	if confDir != "" {
		conf, err := hadoopconf.Load(confDir)
		if err != nil {
			return nil, fmt.Errorf("reading hadoop.conf.dir %q: %w", confDir, err)
		}
		if conf == nil {
			return nil, fmt.Errorf("hadoop.conf.dir %q holds neither core-site.xml nor hdfs-site.xml", confDir)
		}
		o = client.ClientOptionsFromConf(conf)
		if o.KerberosClient != nil {
			return nil, fmt.Errorf("hadoop.conf.dir %q asks for Kerberos, which this connector does not support yet", confDir)
		}
		o.Addresses = nameNodes(conf, host)
	}
	if len(o.Addresses) == 0 {
		if _, _, err := net.SplitHostPort(host); err != nil {
			host = net.JoinHostPort(host, "8020") // dfs.namenode.rpc-address.default-port
		}
		o.Addresses = []string{host}
	}
	o.User = hadoopUser()
	d := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	o.NamenodeDialFunc, o.DatanodeDialFunc = timedDial(d), timedDial(d)
	c, err := client.NewClient(o)
	if err != nil {
		return nil, fmt.Errorf("connecting to the NameNode at %s as user %q: %w", strings.Join(o.Addresses, ","), o.User, err)
	}
	// The client reads the server's defaults once and keeps them, without a lock: do it before it is shared.
	if _, err := c.ServerDefaults(); err != nil {
		_ = c.Close()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("the NameNode at %s closed the connection; it may demand Kerberos: %w", strings.Join(o.Addresses, ","), err)
		}
		return nil, fmt.Errorf("asking the NameNode at %s: %w", strings.Join(o.Addresses, ","), err)
	}
	return hdfsFS{c}, nil
}

// nameNodes lists the RPC addresses of a nameservice; none if host is not the name of one.
func nameNodes(conf hadoopconf.HadoopConf, host string) []string {
	ids, ok := conf["dfs.ha.namenodes."+host]
	if !ok {
		return nil
	}
	var out []string
	for id := range strings.SplitSeq(ids, ",") {
		if a := conf["dfs.namenode.rpc-address."+host+"."+strings.TrimSpace(id)]; a != "" {
			out = append(out, a)
		}
	}
	return out
}

// hadoopUser is the user Hadoop's simple authentication takes: HADOOP_USER_NAME, else the process's own.
func hadoopUser() string {
	if u := os.Getenv("HADOOP_USER_NAME"); u != "" {
		return u
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "connectd"
}

// timedConn bounds every read and write, and closes after a failure: the client would go on using a connection whose answer it
// gave up, and take the late answer for that of its next call.
type timedConn struct{ net.Conn }

func timedDial(d *net.Dialer) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return timedConn{c}, nil
	}
}

func (c timedConn) Read(b []byte) (int, error) {
	_ = c.Conn.SetReadDeadline(time.Now().Add(ioTimeout))
	n, err := c.Conn.Read(b)
	if err != nil {
		_ = c.Conn.Close()
	}
	return n, err
}

func (c timedConn) Write(b []byte) (int, error) {
	_ = c.Conn.SetWriteDeadline(time.Now().Add(ioTimeout))
	n, err := c.Conn.Write(b)
	if err != nil {
		_ = c.Conn.Close()
	}
	return n, err
}

func (h hdfsFS) Create(name string) (file, error) {
	w, err := h.c.Create(name)
	if err != nil {
		return nil, err
	}
	return &hdfsFile{w: w, name: name}, nil
}

type hdfsFile struct {
	w    *client.FileWriter
	name string
}

func (f *hdfsFile) Write(b []byte) (int, error) { return f.w.Write(b) }

// Close waits until the NameNode knows of enough replicas: Close answers ErrReplicating until then, and must be called again.
func (f *hdfsFile) Close() error { return closeReplicated(f.w) }

// Abort leaves the lease to expire; the file goes with its directory.
func (f *hdfsFile) Abort() { _ = f.w.SetDeadline(time.Now()); _ = f.w.Close() }

func closeReplicated(w *client.FileWriter) error {
	end := time.Now().Add(ioTimeout)
	for wait := time.Millisecond; ; wait = min(2*wait, 400*time.Millisecond) {
		err := w.Close()
		if err == nil || !client.IsErrReplicating(err) || time.Now().After(end) {
			return err
		}
		time.Sleep(wait)
	}
}

func (h hdfsFS) Rename(from, to string) error { return h.c.Rename(from, to) }

func (h hdfsFS) Stat(name string) (entry, error) {
	info, err := h.c.Stat(name)
	if err != nil {
		return entry{}, err
	}
	return entry{info.Name(), info.Size(), info.IsDir()}, nil
}

func (h hdfsFS) List(dir string) ([]entry, error) {
	list, err := h.c.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	out := make([]entry, len(list))
	for i, info := range list {
		out[i] = entry{path.Base(info.Name()), info.Size(), info.IsDir()}
	}
	return out, nil
}

func (h hdfsFS) ReadFile(name string) ([]byte, error) { return h.c.ReadFile(name) }
func (h hdfsFS) Mkdir(dir string) error               { return h.c.MkdirAll(dir, 0o755) }

func (h hdfsFS) Remove(name string) error {
	if err := h.c.RemoveAll(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// RecoverLease opens for append and closes: the NameNode then recovers the lease of a dead writer, after its soft limit of 60 s.
func (h hdfsFS) RecoverLease(name string) error {
	w, err := h.c.Append(name)
	if err != nil {
		return err
	}
	return closeReplicated(w)
}

func (h hdfsFS) Close() error { return h.c.Close() }

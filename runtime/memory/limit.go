package memory

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
)

// Default is the limit where none is configured, in bytes: half of GOMEMLIMIT if that is set, else half of the control group's limit,
// else a quarter of the machine's memory; 1 GiB if none of them can be read.
func Default() int64 { return defaultOf(debug.SetMemoryLimit(-1), "/") }

func defaultOf(goLimit int64, root string) int64 {
	if goLimit > 0 && goLimit < math.MaxInt64 {
		return goLimit / 2
	}
	total := machine(root)
	if n := container(root, total); n > 0 {
		return n / 2
	}
	if total > 0 {
		return total / 4
	}
	return 1 << 30
}

// runtimeShare is the part of a control group's limit that the Go runtime may take; the rest is for what it does not count.
const runtimeShare = 0.9

// LimitRuntime sets the Go runtime's memory limit to nine tenths of the control group's, unless GOMEMLIMIT is set: near the limit the
// garbage collector works harder instead of the kernel killing the process. Without a control group's limit nothing changes.
func LimitRuntime() {
	if debug.SetMemoryLimit(-1) < math.MaxInt64 {
		return
	}
	if n := container("/", machine("/")); n > 0 {
		debug.SetMemoryLimit(int64(runtimeShare * float64(n)))
	}
}

// container is the control group's limit in bytes; 0 if there is none below total, the machine's memory (0: not known).
func container(root string, total int64) int64 {
	for _, f := range []string{"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		n, err := strconv.ParseInt(string(bytes.TrimSpace(read(root, f))), 10, 64)
		// "max", and numbers beyond the machine's memory, are no limit.
		if err == nil && n > 0 && (total == 0 || n < total) {
			return n
		}
	}
	return 0
}

// machine is the machine's memory; 0 if it cannot be read.
func machine(root string) int64 {
	for line := range bytes.Lines(read(root, "proc/meminfo")) {
		if rest, ok := bytes.CutPrefix(line, []byte("MemTotal:")); ok {
			n, _ := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))), 10, 64)
			return n << 10
		}
	}
	return 0
}

func read(root, name string) []byte {
	b, _ := os.ReadFile(filepath.Join(root, name))
	return b
}

package group

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf16"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// WorkerState is a worker's metadata in JoinGroup (org.apache.kafka.connect.runtime.distributed.ExtendedWorkerState).
type WorkerState struct {
	URL          string // advertised, ends with a slash
	ConfigOffset int64  // of the last record of the config topic this worker has read, -1 for none
	// Assignment is the last grant with Assigned replaced by all that the worker holds; nil before the first one. Not sent in v0.
	Assignment *cluster.Grant
}

// EncodeMetadata writes a worker's metadata in protocol version 0, 1 or 2, as ConnectProtocol and
// IncrementalCooperativeConnectProtocol.serializeMetadata do. The version counts for the assignment inside as well. It fails
// only for strings that are too long for the wire (32767 bytes).
func EncodeMetadata(version int16, s WorkerState) ([]byte, error) {
	w := writer{}
	w.int16(version)
	w.string(s.URL)
	w.int64(s.ConfigOffset)
	if version >= 1 {
		if s.Assignment == nil {
			w.int32(-1)
		} else {
			g := *s.Assignment
			g.Version = version
			inner, err := EncodeAssignment(g)
			if err != nil {
				return nil, err
			}
			w.int32(int32(len(inner)))
			w.b = append(w.b, inner...)
		}
	}
	return w.b, w.err
}

// DecodeMetadata reads what EncodeMetadata or a Java worker wrote. Like Java it takes an unknown newer version for the newest it knows,
// and ignores what follows.
func DecodeMetadata(b []byte) (version int16, s WorkerState, err error) {
	r := reader{b: b}
	version = r.version()
	s.URL = r.string("url")
	s.ConfigOffset = r.int64("config offset")
	if version >= 1 && r.err == nil && len(r.b) > 0 {
		if inner, ok := r.nullableBytes("assignment"); ok && r.err == nil {
			g, err := DecodeAssignment(inner)
			if err != nil {
				return version, WorkerState{}, fmt.Errorf("decoding worker metadata: %w", err)
			}
			s.Assignment = &g
		}
	}
	if r.err != nil {
		return version, WorkerState{}, fmt.Errorf("decoding worker metadata: %w", r.err)
	}
	return version, s, nil
}

// EncodeAssignment writes an assignment in the protocol version g.Version, byte for byte as Java does for the same lists. v0 has
// neither Revoked nor Delay. It fails only for strings that are too long for the wire (32767 bytes).
func EncodeAssignment(g cluster.Grant) ([]byte, error) {
	w := writer{}
	w.int16(g.Version)
	w.int16(int16(g.Error))
	w.string(g.Leader)
	w.string(g.LeaderURL)
	w.int64(g.ConfigOffset)
	w.work(g.Assigned, javaOrder(g.Assigned.Connectors))
	if g.Version >= 1 {
		w.work(g.Revoked, g.Revoked.Connectors)
		w.int32(g.Delay)
	}
	return w.b, w.err
}

// DecodeAssignment reads an assignment. As in Java missing trailing fields of v1 and v2 are empty, and what follows is ignored.
func DecodeAssignment(b []byte) (cluster.Grant, error) {
	r := reader{b: b}
	var g cluster.Grant
	g.Version = r.version()
	g.Error = cluster.AssignmentError(r.int16("error"))
	g.Leader = r.string("leader")
	g.LeaderURL = r.string("leader url")
	g.ConfigOffset = r.int64("config offset")
	if g.Version == 0 || r.more() {
		g.Assigned = r.work("assignment")
	}
	if g.Version >= 1 && r.more() {
		g.Revoked = r.work("revoked")
	}
	if g.Version >= 1 && r.more() {
		g.Delay = r.int32("delay")
	}
	if r.err != nil {
		return cluster.Grant{}, fmt.Errorf("decoding assignment: %w", r.err)
	}
	return g, nil
}

// javaOrder puts connector names in the order in which Java's HashSet gives them: ConnectProtocol.Assignment.asMap goes through one. The
// receiver does not care; we do it so that equal assignments are equal bytes, whichever kind of worker leads.
func javaOrder(names []string) []string {
	if len(names) < 2 {
		return names
	}
	buckets := uint32(16)
	for uint32(float32(len(names))/.75)+1 > buckets {
		buckets *= 2
	}
	bucket := func(name string) uint32 {
		var h uint32
		for _, u := range utf16.Encode([]rune(name)) {
			h = 31*h + uint32(u)
		}
		return (h ^ h>>16) & (buckets - 1)
	}
	sorted := slices.Clone(names)
	slices.SortStableFunc(sorted, func(a, b string) int { return int(bucket(a)) - int(bucket(b)) })
	return sorted
}

// writer appends Kafka's primitive types; the first error sticks.
type writer struct {
	b   []byte
	err error
}

func (w *writer) int16(v int16) { w.b = binary.BigEndian.AppendUint16(w.b, uint16(v)) }
func (w *writer) int32(v int32) { w.b = binary.BigEndian.AppendUint32(w.b, uint32(v)) }
func (w *writer) int64(v int64) { w.b = binary.BigEndian.AppendUint64(w.b, uint64(v)) }

func (w *writer) string(s string) {
	if len(s) > math.MaxInt16 {
		w.err = firstErr(w.err, fmt.Errorf("string of %d bytes is too long for the group protocol: %.40q…", len(s), s))
		return
	}
	w.int16(int16(len(s)))
	w.b = append(w.b, s...)
}

func firstErr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// work groups connector instances and tasks by connector, in the order of first appearance.
func (w *writer) work(a cluster.Assignment, connectors []string) {
	index := make(map[string]int, a.Len())
	var names []string
	var tasks [][]int32
	at := func(name string) int {
		i, ok := index[name]
		if !ok {
			i = len(names)
			index[name] = i
			names, tasks = append(names, name), append(tasks, nil)
		}
		return i
	}
	for _, c := range connectors {
		if i := at(c); len(tasks[i]) == 0 {
			tasks[i] = append(tasks[i], connect.ConnectorTask)
		}
	}
	for _, t := range a.Tasks {
		i := at(t.Connector)
		tasks[i] = append(tasks[i], t.Task)
	}
	w.int32(int32(len(names)))
	for i, name := range names {
		w.string(name)
		w.int32(int32(len(tasks[i])))
		for _, t := range tasks[i] {
			w.int32(t)
		}
	}
}

var errVersion = errors.New("negative protocol version")

// reader takes Kafka's primitive types off b; after the first error it gives zero values.
type reader struct {
	b   []byte
	err error
}

func (r *reader) more() bool { return r.err == nil && len(r.b) > 0 }

func (r *reader) take(n int, what string) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.b) {
		r.err = fmt.Errorf("%s: %d bytes wanted, %d left", what, n, len(r.b))
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) version() int16 {
	v := r.int16("version")
	if v < 0 {
		r.err = firstErr(r.err, fmt.Errorf("%w %d", errVersion, v))
	}
	return v
}

func (r *reader) int16(what string) int16 {
	if b := r.take(2, what); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *reader) int32(what string) int32 {
	if b := r.take(4, what); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *reader) int64(what string) int64 {
	if b := r.take(8, what); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *reader) string(what string) string {
	return string(r.take(int(r.int16(what)), what))
}

// nullableBytes says ok = false for null (any negative length, as in Java).
func (r *reader) nullableBytes(what string) (b []byte, ok bool) {
	n := r.int32(what)
	if n < 0 {
		return nil, false
	}
	return r.take(int(n), what), true
}

// work reads a nullable array of connectors with their task numbers. Nothing is allocated by a count alone: every element costs the
// sender bytes.
func (r *reader) work(what string) cluster.Assignment {
	var a cluster.Assignment
	for n := r.int32(what); n > 0 && r.err == nil; n-- {
		name := r.string(what + ": connector")
		tasks := r.int32(what + ": tasks")
		if tasks < 0 {
			r.err = firstErr(r.err, fmt.Errorf("%s: %d tasks of connector %q", what, tasks, name))
		}
		for ; tasks > 0 && r.err == nil; tasks-- {
			if t := r.int32(what + ": task"); r.err != nil {
				break
			} else if t == connect.ConnectorTask {
				a.Connectors = append(a.Connectors, name)
			} else {
				a.Tasks = append(a.Tasks, connect.TaskID{Connector: name, Task: t})
			}
		}
	}
	return a
}

package hdfs

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

const (
	partitionerPackage    = "io.confluent.connect.storage.partitioner."
	oldPartitionerPackage = "io.confluent.connect.hdfs.partitioner."
)

var partitioners = []string{"DefaultPartitioner", "FieldPartitioner", "TimeBasedPartitioner", "HourlyPartitioner", "DailyPartitioner"}

func partitionerNames() []string {
	out := make([]string, len(partitioners))
	for i, p := range partitioners {
		out[i] = partitionerPackage + p
	}
	return out
}

// shortPartitioner takes the package off a known class name.
func shortPartitioner(class string) (string, bool) {
	short := strings.TrimPrefix(strings.TrimPrefix(class, partitionerPackage), oldPartitionerPackage)
	return short, short != class && slices.Contains(partitioners, short)
}

func checkPartitioner(class string) error {
	if _, ok := shortPartitioner(class); !ok {
		return config.ClassNotFound(class)
	}
	return nil
}

// partitioner divides records among directories below that of the topic.
type partitioner interface {
	// encode returns the record's directory. An error is the record's fault. The result is the same text for every record of
	// a directory.
	encode(r *connect.SinkRecord) (string, error)
	// clock returns the time that rotate.interval.ms counts in; nil: wall clock.
	clock() extractor
	// readsValue tells whether encode or the clock look at the record's value.
	readsValue() bool
}

func newPartitioner(v config.Values, now func() time.Time) (partitioner, error) {
	short, _ := shortPartitioner(partitionerClass.Get(v))
	delim := directoryDelim.Get(v)
	switch short {
	case "FieldPartitioner":
		fields := partitionFields.Get(v)
		if len(fields) == 0 || slices.Contains(fields, "") {
			return nil, &keyError{partitionFields.Name(), "the FieldPartitioner needs partition.field.name: one or more fields"}
		}
		p := &fieldPartitioner{delim: delim}
		for _, f := range fields {
			p.fields = append(p.fields, newFieldPath(f))
		}
		return p, nil
	case "TimeBasedPartitioner":
		if partitionDuration.Get(v) <= 0 {
			return nil, &keyError{partitionDuration.Name(), "the TimeBasedPartitioner needs partition.duration.ms: a positive number of milliseconds"}
		}
		return newTimePartitioner(v, pathFormat.Get(v), partitionDuration.Get(v), now)
	case "HourlyPartitioner":
		return newTimePartitioner(v, joinDelim(delim, "'year'=YYYY", "'month'=MM", "'day'=dd", "'hour'=HH"), 3_600_000, now)
	case "DailyPartitioner":
		return newTimePartitioner(v, joinDelim(delim, "'year'=YYYY", "'month'=MM", "'day'=dd"), 86_400_000, now)
	default:
		return &defaultPartitioner{}, nil
	}
}

func joinDelim(delim string, parts ...string) string { return strings.Join(parts, delim) }

// defaultPartitioner keeps Kafka's partitions: partition=3.
type defaultPartitioner struct{ names map[int32]string }

func (p *defaultPartitioner) encode(r *connect.SinkRecord) (string, error) {
	n, ok := p.names[r.Original.Partition]
	if !ok {
		if p.names == nil {
			p.names = map[int32]string{}
		}
		n = "partition=" + strconv.Itoa(int(r.Original.Partition))
		p.names[r.Original.Partition] = n
	}
	return n, nil
}

func (p *defaultPartitioner) clock() extractor { return nil }
func (p *defaultPartitioner) readsValue() bool { return false }

// fieldPartitioner makes directories of field values: country=de/active=true.
type fieldPartitioner struct {
	fields []*fieldPath
	delim  string
	buf    []byte
	dirs   map[string]string // directories seen lately, so that their names are made once
}

const maxDirs = 1000

func (p *fieldPartitioner) clock() extractor { return nil }
func (p *fieldPartitioner) readsValue() bool { return true }

func (p *fieldPartitioner) encode(r *connect.SinkRecord) (string, error) {
	if r.Value.Value.Kind() != data.KindStruct {
		return "", fmt.Errorf("the FieldPartitioner needs a struct with a schema, but the value is %s", r.Value.Value.Kind())
	}
	b := p.buf[:0]
	for i, f := range p.fields {
		v, err := f.get(r.Value.Value)
		if err != nil {
			return "", err
		}
		if i > 0 {
			b = append(b, p.delim...)
		}
		start := len(b)
		b = append(append(b, f.name...), '=')
		switch v.Kind() {
		case data.KindNull, data.KindBool, data.KindInt8, data.KindInt16, data.KindInt32, data.KindInt64, data.KindString:
			b = append(b, v.String()...)
			if err := checkSegments(b[start:]); err != nil {
				return "", fmt.Errorf("field %q cannot name a directory: %w", f.name, err)
			}
		default:
			return "", fmt.Errorf("field %q is %s; the FieldPartitioner takes integers, strings and booleans", f.name, v.Kind())
		}
	}
	p.buf = b
	if dir, ok := p.dirs[string(b)]; ok {
		return dir, nil
	}
	if p.dirs == nil || len(p.dirs) >= maxDirs {
		p.dirs = map[string]string{}
	}
	dir := string(b)
	p.dirs[dir] = dir
	return dir, nil
}

// maxSegment is HDFS's dfs.namenode.fs-limits.max-component-length, in bytes.
const maxSegment = 255

// checkSegments refuses values that would leave the directory or that HDFS cannot have in a name (DFSUtil.isValidName). A slash makes
// a directory, as in Java.
func checkSegments(b []byte) error {
	if bytes.ContainsAny(b, ":\x00") {
		return fmt.Errorf("%q holds a character that HDFS does not allow", b)
	}
	for seg := range bytes.SplitSeq(b, []byte("/")) {
		if s := string(seg); s == "." || s == ".." || len(s) > maxSegment {
			return fmt.Errorf("%.300q holds a segment that is . or .. or longer than %d bytes", b, maxSegment)
		}
	}
	return nil
}

// fieldPath finds a possibly nested field; the ordinals are resolved once per schema.
type fieldPath struct {
	name   string
	parts  []string
	schema *data.Schema
	index  []int
}

func newFieldPath(name string) *fieldPath {
	return &fieldPath{name: name, parts: strings.Split(name, ".")}
}

// get returns the field of a struct or map. A null on the way is null; a field the schema does not have is an error.
func (f *fieldPath) get(v data.Value) (data.Value, error) {
	if v.Kind() == data.KindMap {
		return f.lookup(v)
	}
	if v.Kind() != data.KindStruct {
		return data.Value{}, fmt.Errorf("field %q cannot be read: the value is %s", f.name, v.Kind())
	}
	if s := v.Struct().Schema(); s != f.schema {
		index, err := f.resolve(s)
		if err != nil {
			return data.Value{}, err
		}
		f.schema, f.index = s, index
	}
	for i, n := range f.index {
		if i > 0 && v.IsNull() {
			return v, nil
		}
		v = v.Struct().AtOrDefault(n)
	}
	return v, nil
}

func (f *fieldPath) resolve(s *data.Schema) ([]int, error) {
	if i := s.Index(f.name); i >= 0 {
		return []int{i}, nil // a field whose name has dots
	}
	var out []int
	for n, part := range f.parts {
		if s.Kind() != data.KindStruct || s.Index(part) < 0 {
			return nil, fmt.Errorf("field %q does not exist in the schema of the record's value (no %q)", f.name, strings.Join(f.parts[:n+1], "."))
		}
		out = append(out, s.Index(part))
		s = s.Fields()[s.Index(part)].Schema
	}
	return out, nil
}

func (f *fieldPath) lookup(v data.Value) (data.Value, error) {
	for _, part := range f.parts {
		if v.Kind() != data.KindMap {
			return data.Value{}, fmt.Errorf("field %q does not exist in the record's value", f.name)
		}
		next, ok := v.Lookup(part)
		if !ok {
			return data.Value{}, fmt.Errorf("field %q does not exist in the record's value", f.name)
		}
		v = next
	}
	return v, nil
}

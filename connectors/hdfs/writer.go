package hdfs

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/hdfs/format"
)

// state is that of a topic partition; doc.go has the diagram.
type state uint8

const (
	// recovering: nothing is known of what is committed, or this instance was fenced. No record is taken.
	recovering state = iota
	// writing: the attempt directory is ours, committed is true, records go to the open generation.
	writing
	// committing: sealed generations wait for HDFS, in order. Records are taken meanwhile.
	committing
)

func (s state) String() string { return [...]string{"recovering", "writing", "committing"}[s] }

// unknown is the committed offset of a partition that has nothing in HDFS.
const unknown int64 = -1

// settings are what all writers of a task share. Read only but for the plans inside partition and format, which belong to the task's
// goroutine.
type settings struct {
	fs        fileSystem
	layout    layout
	format    format.Format
	partition partitioner
	compat    compatibility
	flushSize int
	interval  int64 // ms, <= 0: off
	schedule  int64 // ms, <= 0: off
	zone      *time.Location
	now       func() time.Time
	slots     chan struct{} // bounds what is under way in HDFS at a time
	log       *slog.Logger
}

// writer is the state machine of one topic partition. It belongs to the task's goroutine; recover and commit may run on another one
// while that waits for them.
type writer struct {
	*settings
	tp        connect.TopicPartition
	topicDir  string // <topics.dir>/<topic>
	tempDir   string // <topics.dir>/+tmp/<topic>/+<partition>
	logDir    string // <logs.dir>/<topic>/<partition>
	state     state
	attempt   string   // directory of this attempt
	seq       int      // numbers files and manifests of the attempt
	litter    []string // names in the attempt directory of tries that failed
	committed int64    // next offset after what is in HDFS, or unknown
	next      int64    // lowest offset not yet taken
	seeking   bool     // the rest of the batch is void: the partition is read again
	seekTo    int64    // from there
	warned    bool     // that records come which are committed already
	lost      bool     // the position in Kafka must be set back when recovered
	started   bool     // a record was taken since Open
	first     int64    // offset of that record
	schema    *data.Schema
	hasSchema bool
	open      *generation
	sealed    []*generation
	made      map[string]struct{} // directories known to exist
}

// generation is the set of files that is committed together.
type generation struct {
	seq      int
	files    []*outFile
	byDir    map[string]*outFile
	count    int
	first    int64 // clock of the first record, ms
	deadline int64 // wall clock of scheduled rotation, ms; 0: none
	manifest bool  // it is in place: the generation is committed, come what may
}

// end is the last offset of the generation.
func (g *generation) end() int64 {
	end := int64(0)
	for _, f := range g.files {
		end = max(end, f.end)
	}
	return end
}

func (g *generation) discard() {
	for _, f := range g.files {
		f.spool.close()
	}
}

// outFile is one file of a generation.
type outFile struct {
	dir        string // encoded partition
	start, end int64
	count      int
	spool      spool
	w          format.Writer

	try      string // its name in the attempt directory while it is written
	temp     string // its name in the attempt directory, once it is there in full
	final    string
	tried    bool // a rename was sent and its outcome may be unknown
	complete bool
}

func newWriter(s *settings, tp connect.TopicPartition) (*writer, error) {
	topics, err := s.layout.expand(s.layout.topics, tp.Topic)
	if err != nil {
		return nil, err
	}
	logs, err := s.layout.expand(s.layout.logs, tp.Topic)
	if err != nil {
		return nil, err
	}
	w := &writer{settings: s, tp: tp, made: map[string]struct{}{}}
	w.topicDir = topics + "/" + tp.Topic
	w.tempDir = fmt.Sprintf("%s/+tmp/%s/+%d", topics, tp.Topic, tp.Partition)
	w.logDir = fmt.Sprintf("%s/%s/%d", logs, tp.Topic, tp.Partition)
	w.becomeRecovering()
	return w, nil
}

// becomeRecovering drops all that is not in HDFS; it is read again from Kafka.
func (w *writer) becomeRecovering() {
	w.state = recovering
	if w.open != nil {
		w.open.discard()
	}
	for _, g := range w.sealed {
		g.discard()
	}
	w.open, w.sealed, w.committed, w.next = nil, nil, unknown, 0
	w.schema, w.hasSchema = nil, false
	clear(w.made)
}

// lose gives up what was taken but is not committed, and has it read again.
func (w *writer) lose() {
	w.becomeRecovering()
	w.lost = w.lost || w.started
}

// becomeWriting: the attempt directory is ours, and nothing sealed is left.
func (w *writer) becomeWriting() { w.state = writing }

// becomeCommitting: a generation is complete and waits for HDFS.
func (w *writer) becomeCommitting() { w.state = committing }

// badRecord is a record that cannot be written; the writer is as before.
type badRecord struct{ err error }

func (e *badRecord) Error() string { return e.err.Error() }
func (e *badRecord) Unwrap() error { return e.err }

// write takes one record, sealing the open generation before or after it. A *badRecord leaves the record out; any other error is
// about this machine (disk full) and the generation is spoilt.
func (w *writer) write(r *connect.SinkRecord) error {
	err := w.put(r)
	if _, bad := errors.AsType[*badRecord](err); err == nil || bad {
		w.next = r.Original.Offset + 1
	}
	return err
}

func (w *writer) put(r *connect.SinkRecord) error {
	now := w.now().UnixMilli()
	clock := now
	if x := w.partition.clock(); x != nil {
		var err error
		if clock, err = x.extract(r); err != nil {
			return &badRecord{err}
		}
	}
	dir, err := w.partition.encode(r)
	if err != nil {
		return &badRecord{err}
	}
	if g := w.open; g != nil && (w.interval > 0 && clock-g.first >= w.interval || g.deadline > 0 && now >= g.deadline) {
		if err := w.seal(); err != nil {
			return err
		}
	}
	v, s, err := w.fit(r)
	if err != nil {
		return err
	}
	if err := w.add(r, dir, v, s, clock, now); err != nil {
		return err
	}
	w.schema, w.hasSchema = s, true // only now: a record that is left out must not decide how the following ones are written
	if w.open.count >= w.flushSize {
		return w.seal()
	}
	return nil
}

// fit returns the value as it is to be written, and its schema: the record's own, or the current one, which the value was made to fit.
// The open generation is sealed if it cannot take the schema.
func (w *writer) fit(r *connect.SinkRecord) (data.Value, *data.Schema, error) {
	s := r.Value.Schema
	if !w.hasSchema || w.schema == nil && w.open == nil { // as in Java, values without a schema bind their own file only
		return r.Value.Value, s, nil
	}
	changed, err := w.compat.changed(w.schema, s)
	if err != nil {
		return data.Value{}, nil, &badRecord{err}
	}
	if changed {
		if err := w.seal(); err != nil {
			return data.Value{}, nil, err
		}
		return r.Value.Value, s, nil
	}
	v, err := w.compat.project(w.schema, s, r.Value.Value)
	if err != nil {
		return v, nil, &badRecord{err}
	}
	return v, w.schema, nil
}

// add writes the value, of schema s, to the file of its directory.
func (w *writer) add(r *connect.SinkRecord, dir string, v data.Value, s *data.Schema, clock, now int64) error {
	g := w.open
	if g == nil {
		g = &generation{byDir: map[string]*outFile{}, first: clock, deadline: w.nextSchedule(now)}
	}
	f := g.byDir[dir]
	if f == nil {
		f = &outFile{dir: dir, start: r.Original.Offset}
		fw, err := w.format.NewWriter(&f.spool, s)
		if err != nil {
			return asBad(err)
		}
		f.w = fw
	}
	if err := f.write(r, v); err != nil {
		if f.count == 0 {
			f.spool.close()
		}
		return asBad(err)
	}
	if f.count == 0 {
		g.byDir[dir] = f
		g.files = append(g.files, f)
		w.open = g
	}
	f.end = r.Original.Offset
	f.count++
	g.count++
	return nil
}

// write writes the value of r: v, or the document that r brought in its place (takesDocuments has seen to the format).
func (f *outFile) write(r *connect.SinkRecord, v data.Value) error {
	if r.Document {
		return f.w.(format.DocumentWriter).WriteDocument(r.Wire.Value)
	}
	return f.w.Write(v)
}

func asBad(err error) error {
	if _, ok := errors.AsType[*format.ValueError](err); ok {
		return &badRecord{err}
	}
	return fmt.Errorf("writing to the local spool: %w", err)
}

// seal completes the files of the open generation and queues it.
func (w *writer) seal() error {
	g := w.open
	if g == nil {
		return nil
	}
	for _, f := range g.files {
		if err := f.w.Close(); err != nil {
			return fmt.Errorf("writing to the local spool: %w", err)
		}
		f.w = nil
		f.final = fmt.Sprintf("%s/%s/%s+%d+%0*d+%0*d%s", w.topicDir, f.dir, w.tp.Topic, w.tp.Partition,
			w.layout.pad, f.start, w.layout.pad, f.end, w.format.Extension())
	}
	w.open = nil
	w.sealed = append(w.sealed, g)
	w.becomeCommitting()
	return nil
}

// sealDue seals the open generation if the wall clock says so.
func (w *writer) sealDue(now int64) error {
	if d, ok := w.deadline(); ok && now >= d {
		return w.seal()
	}
	return nil
}

// deadline is the wall clock at which the open generation must be sealed, if there is one.
func (w *writer) deadline() (ms int64, ok bool) {
	g := w.open
	if g == nil {
		return 0, false
	}
	if w.interval > 0 && w.partition.clock() == nil {
		ms, ok = g.first+w.interval, true
	}
	if g.deadline > 0 && (!ok || g.deadline < ms) {
		ms, ok = g.deadline, true
	}
	return ms, ok
}

// nextSchedule is the next multiple of rotate.schedule.interval.ms from midnight, at most the next midnight; 0: off.
func (w *writer) nextSchedule(now int64) int64 {
	if w.schedule <= 0 {
		return 0
	}
	t := time.UnixMilli(now).In(w.zone)
	y, m, d := t.Date()
	start := time.Date(y, m, d, 0, 0, 0, 0, w.zone).UnixMilli()
	tomorrow := time.Date(y, m, d+1, 0, 0, 0, 0, w.zone).UnixMilli()
	return min(start+((now-start)/w.schedule+1)*w.schedule, tomorrow)
}

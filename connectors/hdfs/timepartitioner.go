package hdfs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // Joda-Time brings its own zones too: the image may have none

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

// timePartitioner makes directories of time: the bucket of the record's time, as a Joda-Time pattern
// (io.confluent.connect.storage.partitioner.TimeBasedPartitioner).
type timePartitioner struct {
	pattern  pattern
	zone     *time.Location
	duration int64 // ms
	extract  extractor

	bucket int64 // the last one, and its directory
	dir    string
}

func newTimePartitioner(v config.Values, format string, duration int64, now func() time.Time) (partitioner, error) {
	delim := directoryDelim.Get(v)
	format = strings.TrimSuffix(format, delim)
	if format == "" {
		return nil, &keyError{pathFormat.Name(), "the TimeBasedPartitioner needs path.format, e.g. 'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH"}
	}
	if locale.Get(v) == "" {
		return nil, &keyError{locale.Name(), "time partitioners need locale, e.g. en"}
	}
	if timezone.Get(v) == "" {
		return nil, &keyError{timezone.Name(), "time partitioners need timezone, e.g. UTC"}
	}
	zone, err := loadZone(timezone.Get(v))
	if err != nil {
		return nil, &keyError{timezone.Name(), err.Error()}
	}
	p, err := parsePattern(format, locale.Get(v))
	if err != nil {
		return nil, &keyError{pathFormat.Name(), "path.format: " + err.Error()}
	}
	x, err := newExtractor(timestampExtractor.Get(v), timestampField.Get(v), now)
	if err != nil {
		return nil, &keyError{timestampExtractor.Name(), err.Error()}
	}
	return &timePartitioner{pattern: p, zone: zone, duration: duration, extract: x}, nil
}

func (p *timePartitioner) clock() extractor {
	if _, wall := p.extract.(wallclock); wall {
		return nil
	}
	return p.extract
}

func (p *timePartitioner) readsValue() bool {
	_, field := p.extract.(*fieldTime)
	return field
}

func (p *timePartitioner) encode(r *connect.SinkRecord) (string, error) {
	ms, err := p.extract.extract(r)
	if err != nil {
		return "", err
	}
	local := ms + offsetMillis(p.zone, ms)
	b := floorDiv(local, p.duration)
	if p.dir == "" || b != p.bucket {
		at := time.UnixMilli(localToUTC(p.zone, b*p.duration)).In(p.zone)
		p.bucket, p.dir = b, string(p.pattern.append(nil, at))
	}
	return p.dir, nil
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func offsetMillis(z *time.Location, ms int64) int64 {
	_, s := time.UnixMilli(ms).In(z).Zone()
	return int64(s) * 1000
}

// localToUTC is Joda-Time's DateTimeZone.convertLocalToUTC, not strict: in a gap the time moves on by its length, in an overlap
// one of the two instants is taken; both have the same local time.
func localToUTC(z *time.Location, local int64) int64 {
	guess := offsetMillis(z, local)
	off := offsetMillis(z, local-guess)
	if guess != off && guess < 0 && nextTransition(z, local-guess) != nextTransition(z, local-off) {
		off = guess
	}
	return local - off
}

func nextTransition(z *time.Location, ms int64) int64 {
	_, end := time.UnixMilli(ms).In(z).ZoneBounds()
	if end.IsZero() {
		return 1<<63 - 1
	}
	return end.UnixMilli()
}

// loadZone knows the names of the tz database and Joda-Time's offsets (+02:00).
func loadZone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	if name[0] == '+' || name[0] == '-' {
		t, err := time.Parse("-07:00", name)
		if err != nil {
			return nil, fmt.Errorf("%q is not a time zone", name)
		}
		return t.Location(), nil
	}
	z, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("%q is not a time zone; use a name like Europe/Berlin or UTC", name)
	}
	return z, nil
}

// extractor finds a record's time.
type extractor interface {
	// extract returns milliseconds since the epoch; an error is the record's fault.
	extract(r *connect.SinkRecord) (int64, error)
}

const extractorPackage = partitionerPackage + "TimeBasedPartitioner$"

func checkExtractor(name string) error {
	_, err := newExtractor(name, "x", time.Now)
	return err
}

func newExtractor(name, field string, now func() time.Time) (extractor, error) {
	switch strings.TrimSuffix(strings.TrimPrefix(name, extractorPackage), "TimestampExtractor") {
	case "Wallclock":
		return wallclock{now}, nil
	case "Record":
		return recordTime{}, nil
	case "RecordField":
		return &fieldTime{path: newFieldPath(field)}, nil
	}
	return nil, errors.New("timestamp.extractor must be Wallclock, Record or RecordField")
}

type wallclock struct{ now func() time.Time }

func (w wallclock) extract(*connect.SinkRecord) (int64, error) { return w.now().UnixMilli(), nil }

type recordTime struct{}

func (recordTime) extract(r *connect.SinkRecord) (int64, error) {
	if r.Timestamp == connect.NoTimestamp {
		return 0, errors.New("the record has no timestamp")
	}
	return r.Timestamp, nil
}

type fieldTime struct{ path *fieldPath }

func (f *fieldTime) extract(r *connect.SinkRecord) (int64, error) {
	v, err := f.path.get(r.Value.Value)
	if err != nil {
		return 0, err
	}
	switch v.Kind() {
	case data.KindInt32, data.KindInt64, data.KindTimestamp:
		return v.Int64(), nil
	case data.KindString:
		return parseTimestamp(f.path.name, v.String())
	}
	return 0, fmt.Errorf("timestamp.field %q is %s; it must be an integer of milliseconds, a Timestamp or a string", f.path.name, v.Kind())
}

var isoLayouts = []string{
	"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02", "2006-01", "2006",
}

// parseTimestamp takes digits as milliseconds, and ISO 8601; without a zone it is UTC (Java: the JVM's default zone).
func parseTimestamp(field, s string) (int64, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	for _, l := range isoLayouts {
		if t, err := time.Parse(l, s); err == nil {
			return t.UnixMilli(), nil
		}
	}
	return 0, fmt.Errorf("timestamp.field %q holds %q, which is neither milliseconds nor an ISO 8601 time", field, s)
}

package history

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// AtOrBefore tells whether a recorded position is at or before the desired one
// (io.debezium.connector.binlog.history.BinlogHistoryRecordComparator): by GTID set when both have one, a position with GTIDs is
// after one without; without GTIDs by time if the servers differ, else by file number, position, event and row. keep filters the
// GTID sources (gtid.source.includes/excludes; nil: all).
func AtOrBefore(recorded, desired Position, keep func(uuid string) bool) bool {
	return stopAt(desired, keep).includes(recorded)
}

// stopPoint is a desired position, read once for many recorded ones.
type stopPoint struct {
	Position
	set  gtidSet
	keep func(uuid string) bool
}

func stopAt(desired Position, keep func(uuid string) bool) *stopPoint {
	p := &stopPoint{Position: desired, keep: keep}
	if desired.GTIDs != "" {
		p.set = parseGTIDSet(desired.GTIDs, keep)
	}
	return p
}

// includes is AtOrBefore.
func (desired *stopPoint) includes(recorded Position) bool {
	switch {
	case desired.GTIDs != "" && recorded.GTIDs != "":
		a, b := parseGTIDSet(recorded.GTIDs, desired.keep), desired.set
		if a.within(b) && b.within(a) {
			if recorded.Snapshot == "" && desired.Snapshot != "" {
				return false
			}
			// Debezium's MariaDB connector counts a DDL statement's GTID as the first event of a transaction, which the set has as done.
			return recorded.Event <= desired.Event || recorded.Event == 1 && !strings.Contains(recorded.GTIDs, ":")
		}
		return a.within(b)
	case desired.GTIDs != "":
		return true
	case recorded.GTIDs != "":
		return false
	case recorded.ServerID != 0 && desired.ServerID != 0 && recorded.ServerID != desired.ServerID:
		return recorded.TsSec <= desired.TsSec
	}
	aBase, aNumber := splitFile(recorded.File)
	bBase, bNumber := splitFile(desired.File)
	switch {
	case aBase != bBase: // the server was restored or renamed its logs: the numbers cannot be compared, applying is the safe side
		return true
	case aNumber != bNumber:
		return aNumber < bNumber
	case recorded.Pos != desired.Pos:
		return recorded.Pos < desired.Pos
	case recorded.Event != desired.Event:
		return recorded.Event < desired.Event
	default:
		return recorded.Row <= desired.Row
	}
}

// splitFile cuts mysql-bin.000012 into its base name and its number.
func splitFile(file string) (base string, number int64) {
	i := strings.LastIndexByte(file, '.')
	if i < 0 {
		return file, 0
	}
	number, err := strconv.ParseInt(file[i+1:], 10, 64)
	if err != nil {
		return file, 0
	}
	return file[:i], number
}

// interval is a closed range of transaction numbers.
type interval struct{ from, to int64 }

// gtidSet maps a source (uuid, or uuid:tag) to its intervals, sorted and apart.
type gtidSet map[string][]interval

// parseGTIDSet reads uuid[:tag]:1-5:7,…; what cannot be read is left out. MariaDB's domain-server-sequence counts as 1-sequence of
// its domain and server.
func parseGTIDSet(s string, keep func(string) bool) gtidSet {
	set := gtidSet{}
	for _, part := range strings.Split(s, ",") {
		fields := strings.Split(strings.TrimSpace(part), ":")
		if len(fields) == 1 {
			set.mariadb(fields[0], keep)
			continue
		}
		uuid := strings.ToLower(strings.TrimSpace(fields[0]))
		if keep != nil && !keep(uuid) {
			continue
		}
		source := uuid
		for _, f := range fields[1:] {
			f = strings.TrimSpace(f)
			iv, ok := parseInterval(f)
			if !ok { // a tag (MySQL 8.3)
				source = uuid + ":" + strings.ToLower(f)
				continue
			}
			set[source] = append(set[source], iv)
		}
	}
	for source, ivs := range set {
		set[source] = merge(ivs)
	}
	return set
}

func (set gtidSet) mariadb(s string, keep func(string) bool) {
	f := strings.Split(strings.TrimSpace(s), "-")
	if len(f) != 3 {
		return
	}
	source := f[0] + "-" + f[1]
	if keep != nil && !keep(source) {
		return
	}
	if n, err := strconv.ParseInt(f[2], 10, 64); err == nil {
		set[source] = append(set[source], interval{1, n})
	}
}

func parseInterval(s string) (interval, bool) {
	a, b, isRange := strings.Cut(s, "-")
	from, err := strconv.ParseInt(a, 10, 64)
	if err != nil {
		return interval{}, false
	}
	if !isRange {
		return interval{from, from}, true
	}
	to, err := strconv.ParseInt(b, 10, 64)
	return interval{from, to}, err == nil
}

func merge(ivs []interval) []interval {
	slices.SortFunc(ivs, func(a, b interval) int {
		if a.from < b.from {
			return -1
		}
		return 1
	})
	var out []interval
	for _, iv := range ivs {
		if k := len(out) - 1; k >= 0 && (out[k].to == math.MaxInt64 || iv.from <= out[k].to+1) {
			out[k].to = max(out[k].to, iv.to)
		} else {
			out = append(out, iv)
		}
	}
	return out
}

// within tells whether every transaction of set is in o.
func (set gtidSet) within(o gtidSet) bool {
	for source, ivs := range set {
		for _, iv := range ivs {
			if !slices.ContainsFunc(o[source], func(x interval) bool { return x.from <= iv.from && iv.to <= x.to }) {
				return false
			}
		}
	}
	return true
}

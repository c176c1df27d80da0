package cdc

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connectors/mysql/history"
)

// offset is a source offset as Debezium's MySqlOffsetContext stores it. Zero fields are absent, as there. Immutable once handed out.
type offset struct {
	tsSec    int64
	file     string
	pos      uint64
	gtids    string
	row      uint64
	serverID uint32
	event    uint64
	// whole: the set begins at a held transaction, before the one that rows are of, so that no row of that one is to be skipped.
	whole bool
	// here is the same moment for a task that goes on, which has what is held: reading need not go back for it. nil: this offset. Not stored.
	here *offset
	// snapshot is INITIAL, … while a snapshot runs, else empty. One that was not completed goes on if more has the rest, else starts again.
	snapshot  string
	completed bool // snapshot_completed, as read
	// tx is the transaction the offset stands in, and txTable the table of its rows event (provide.transaction.metadata).
	tx      *txMark
	txTable string
	more    *progress
	// covered is history.Store's Covered when the offset was made: what the copy of the table definitions has of the history before it.
	covered int64
}

var _ connect.SourceOffset = (*offset)(nil)

// AppendJSON renders the offset with the keys in the order of Java's HashMap, which is how Debezium's stand in the topic.
func (o *offset) AppendJSON(dst []byte) []byte { return o.appendJSON(dst, o.row, "", 0) }

func (o *offset) appendJSON(dst []byte, row uint64, table string, count int64) []byte {
	dst = append(dst, '{')
	if o.tx != nil && o.tx.id != "" {
		dst = append(dst, `"transaction_id":`...)
		dst = appendJSONString(dst, o.tx.id)
		dst = append(dst, ',')
	}
	if o.tsSec != 0 {
		dst = append(dst, `"ts_sec":`...)
		dst = strconv.AppendInt(dst, o.tsSec, 10)
		dst = append(dst, ',')
	}
	dst = append(dst, `"file":`...)
	dst = appendJSONString(dst, o.file)
	dst = append(dst, `,"pos":`...)
	dst = strconv.AppendUint(dst, o.pos, 10)
	if o.tx != nil {
		dst = o.tx.appendJSON(dst, table, count)
	}
	if o.gtids != "" {
		dst = append(dst, `,"gtids":`...)
		dst = appendJSONString(dst, o.gtids)
	}
	if o.whole {
		row = 0
	}
	dst = appendNumber(dst, `,"row":`, row)
	dst = appendNumber(dst, `,"server_id":`, uint64(o.serverID))
	dst = appendNumber(dst, `,"event":`, o.event)
	return o.appendProgress(dst)
}

// appendProgress adds what the offset says beside the position, and ends it.
func (o *offset) appendProgress(dst []byte) []byte {
	marker := o.snapshot
	if o.more != nil {
		if o.more.rest != nil && marker == "" {
			marker = markerInitial
		}
		if o.more.queue != nil {
			dst = o.more.queue.appendJSON(dst)
		}
	}
	if marker != "" {
		dst = append(dst, `,"snapshot":`...)
		dst = appendJSONString(dst, marker)
	}
	if o.more != nil && o.more.rest != nil {
		dst = append(dst, `,"`+offsetRest+`":`...)
		dst = appendJSONString(dst, o.more.rest.text())
	}
	if o.more != nil && o.more.filters != "" {
		dst = append(dst, `,"`+offsetFilters+`":`...)
		dst = appendJSONString(dst, o.more.filters)
	}
	if o.covered > 0 {
		dst = strconv.AppendInt(append(dst, `,"`+offsetCovered+`":`...), o.covered, 10)
	}
	return append(dst, '}')
}

func appendNumber(dst []byte, name string, n uint64) []byte {
	if n == 0 {
		return dst
	}
	return strconv.AppendUint(append(dst, name...), n, 10)
}

// appendJSONString writes file names and GTID sets, which are ASCII but for what a user put into log_bin_basename.
func appendJSONString(dst []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == '"' || s[i] == '\\' || s[i] >= 0x7f {
			b, err := json.Marshal(s)
			if err != nil { // cannot be: strings always marshal
				b = []byte(`""`)
			}
			return append(dst, b...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

// rowOffset is the offset after a row of an event: all rows of the event share base.
type rowOffset struct {
	base  *offset
	row   uint64
	count int64 // of base.txTable's records in the transaction
}

// AppendJSON renders the offset.
func (o *rowOffset) AppendJSON(dst []byte) []byte {
	return o.base.appendJSON(dst, o.row, o.base.txTable, o.count)
}

// parseOffset reads an offset of this connector or of Debezium, old ones ("snapshot":true, numbers as texts) too. Keys of features
// this connector does not have yet are returned, so that the caller can say so.
func parseOffset(doc json.RawMessage) (o *offset, other []string, err error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(doc, &m); err != nil {
		return nil, nil, fmt.Errorf("reading source offset %s: %w", clip(doc), err)
	}
	o = &offset{}
	extra := map[string]string{}
	for k, v := range m {
		s := text(v)
		if s == "null" {
			continue
		}
		switch k {
		case "file":
			o.file = s
		case "gtids":
			o.gtids = strings.NewReplacer("\n", "", "\r", "").Replace(s)
		case "snapshot":
			// Debezium also says INCREMENTAL and BLOCKING while one that a signal asked for runs: the one at the start is done
			// (CommonOffsetContext.isInitialSnapshotRunning).
			if s != "false" && s != "INCREMENTAL" && s != "BLOCKING" {
				o.snapshot = s
			}
		case "snapshot_completed":
			o.completed = s == "true"
		case "ts_sec", "pos", "row", "server_id", "event", offsetCovered:
			n, err := strconv.ParseUint(s, 10, 63)
			if err != nil {
				return nil, nil, fmt.Errorf("reading source offset %s: %s is not a number", clip(doc), k)
			}
			switch k {
			case "ts_sec":
				o.tsSec = int64(n)
			case "pos":
				o.pos = n
			case "row":
				o.row = n
			case "server_id":
				o.serverID = uint32(n)
			case "event":
				o.event = n
			case offsetCovered:
				o.covered = int64(n)
			}
		case offsetRest, offsetFilters, offsetAskedTables, offsetAskedLast, offsetAskedMax, offsetAskedSignal:
			extra[k] = s
		default:
			if !o.parseMark(k, s) {
				other = append(other, k)
			}
		}
	}
	if other, err = o.readProgress(extra, other); err != nil {
		return nil, nil, fmt.Errorf("reading source offset %s: %w", clip(doc), err)
	}
	if o.file == "" && o.gtids == "" {
		return nil, nil, fmt.Errorf("reading source offset %s: it has neither file nor gtids", clip(doc))
	}
	return o, other, nil
}

// readProgress reads what the offset says beside the position.
func (o *offset) readProgress(extra map[string]string, notes []string) ([]string, error) {
	if len(extra) == 0 {
		return notes, nil
	}
	p := &progress{filters: extra[offsetFilters]}
	var err error
	if text, ok := extra[offsetRest]; ok && o.snapshot != "" {
		if p.rest, err = parseRest(text); err != nil {
			return notes, err
		}
	}
	var note string
	if p.queue, note, err = parseAsked(extra); err != nil {
		return notes, err
	}
	if note != "" {
		notes = append(notes, note)
	}
	o.more = p
	return notes, nil
}

// text is the content of a JSON string, or the literal of anything else.
func text(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil && len(v) > 0 && v[0] == '"' {
		return s
	}
	return strings.TrimSpace(string(v))
}

func clip(b []byte) string {
	if len(b) > 300 {
		return string(b[:300]) + "…"
	}
	return string(b)
}

// running tells of a snapshot that was not finished.
func (o *offset) running() bool { return o.snapshot != "" && !o.completed }

// resumable tells of a snapshot that was not finished, but can be: the offset knows what is left of it.
func (o *offset) resumable() bool { return o.running() && o.more != nil && o.more.rest != nil }

// history is the offset as a position of the schema history.
func (o *offset) history() history.Position {
	p := history.Position{TsSec: o.tsSec, File: o.file, Pos: o.pos, GTIDs: o.gtids, Snapshot: o.snapshot, ServerID: o.serverID,
		Event: o.event, Row: o.row}
	if o.tx != nil {
		p.Transaction = o.tx.id
	}
	return p
}

// sourcePartition is {"server":"<topic.prefix>"}.
func sourcePartition(prefix string) *connect.SourcePartition {
	return connect.NewSourcePartition(append(appendJSONString([]byte(`{"server":`), prefix), '}'))
}

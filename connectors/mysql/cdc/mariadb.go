package cdc

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/connectd/connectd/connectors/mysql/row"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// Flags of MariaDB's GTID event (Gtid_log_event).
const (
	mariaStandalone = 1  // no COMMIT will follow: DDL and the like
	mariaPreparedXA = 64 // the rows of XA PREPARE; the id stands behind
)

// mariaGTID starts a transaction: MariaDB's GTID event is its BEGIN as well.
func (r *reader) mariaGTID(ctx context.Context, h *replication.EventHeader, body []byte) error {
	if err := r.mariaStart(h, body); err != nil {
		return err
	}
	switch flags := body[12]; {
	case flags&mariaPreparedXA != 0:
		r.cur.begin(-1)
		r.xaStart()
	case flags&mariaStandalone == 0:
		return r.begin(ctx, -1)
	}
	return nil
}

// mariaStart notes the transaction that a GTID event names.
func (r *reader) mariaStart(h *replication.EventHeader, body []byte) error {
	if len(body) < 13 {
		return errShortEvent
	}
	sequence := int64(binary.LittleEndian.Uint64(body))
	source := fmt.Sprintf("%d-%d", binary.LittleEndian.Uint32(body[8:]), h.ServerID)
	c := r.cur
	c.tsMicros = int64(h.Timestamp) * 1e6
	c.startGTID(source, "", sequence, source+"-"+strconv.FormatInt(sequence, 10))
	c.ignored = r.set.gtidFilter.drops(source)
	return nil
}

// isMariaGTID tells a text of the form domain-server-sequence.
func isMariaGTID(s string) (source string, sequence int64, ok bool) {
	i := strings.LastIndexByte(s, '-')
	if i < 0 || strings.Count(s, "-") != 2 {
		return "", 0, false
	}
	n, err := strconv.ParseInt(s[i+1:], 10, 64)
	domain, server, _ := strings.Cut(s[:i], "-")
	_, err1 := strconv.ParseUint(domain, 10, 32)
	_, err2 := strconv.ParseUint(server, 10, 32)
	return s[:i], n, err == nil && err1 == nil && err2 == nil && n >= 0
}

// mariaStart is the set as @slave_connect_state takes it: the last transaction of each domain.
func (g *gtidSet) mariaStart() string {
	type last struct {
		text string
		n    int64
	}
	var order []string
	domains := map[string]last{}
	for _, s := range g.sources {
		if len(s.spans) == 0 {
			continue
		}
		domain, _, _ := strings.Cut(s.uuid, "-")
		n := s.spans[0].last
		old, ok := domains[domain]
		if !ok {
			order = append(order, domain)
		}
		if !ok || n > old.n {
			domains[domain] = last{s.uuid + "-" + strconv.FormatInt(n, 10), n}
		}
	}
	out := make([]string, len(order))
	for i, d := range order {
		out[i] = domains[d].text
	}
	return strings.Join(out, ",")
}

// mariaCompressed tells the event that a compressed one of MariaDB stands for (log_bin_compress).
func mariaCompressed(t replication.EventType) (plain replication.EventType, ok bool) {
	switch t {
	case replication.MARIADB_QUERY_COMPRESSED_EVENT:
		return replication.QUERY_EVENT, true
	case replication.MARIADB_WRITE_ROWS_COMPRESSED_EVENT_V1:
		return replication.WRITE_ROWS_EVENTv1, true
	case replication.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT_V1:
		return replication.UPDATE_ROWS_EVENTv1, true
	case replication.MARIADB_DELETE_ROWS_COMPRESSED_EVENT_V1:
		return replication.DELETE_ROWS_EVENTv1, true
	}
	return t, false
}

// mariaExpand is the body of a compressed event as the plain one has it: what is behind the fixed part is compressed.
func mariaExpand(plain replication.EventType, body []byte) ([]byte, error) {
	at := 0
	if plain == replication.QUERY_EVENT {
		if len(body) < 13 {
			return nil, errShortEvent
		}
		at = 13 + int(binary.LittleEndian.Uint16(body[11:])) + int(body[8]) + 1
	} else {
		size, n, err := lengthEncoded(body, 8)
		if err != nil {
			return nil, err
		}
		bitmap := int(size+7) / 8
		at = 8 + n + bitmap
		if plain == replication.UPDATE_ROWS_EVENTv1 {
			at += bitmap
		}
	}
	if at > len(body) {
		return nil, errShortEvent
	}
	rest, ok := row.Expand(body[at:])
	if !ok {
		return nil, fmt.Errorf("reading a compressed event: %w", row.ErrMalformed)
	}
	return append(bytes.Clone(body[:at]), rest...), nil
}

func lengthEncoded(body []byte, at int) (n uint64, size int, err error) {
	if at >= len(body) {
		return 0, 0, errShortEvent
	}
	n, rest, err := packed(body[at:])
	return n, len(body) - at - len(rest), err
}

// availableByMariaDB tells whether the server still has what comes after the stored offset's GTIDs: of each domain, its binary log must not
// begin behind them. Names of files say nothing, for the offset may come from another server. (Debezium's MariaDbConnection looks for what
// gtid_binlog_pos lacks; the server itself compares as here, Gtid_list_log_event and contains_all_slave_gtid of sql/sql_repl.cc.)
func (r *reader) availableByMariaDB(ctx context.Context, conn *server.Conn, firstFile, wayOut string) error {
	row, err := conn.Row(ctx, "SELECT BINLOG_GTID_POS("+server.Quote(firstFile)+", 4)")
	if err != nil {
		return fmt.Errorf("looking where the binary log begins: %w", err)
	}
	begins, err := parseGTIDSet(strings.Join(row, ""))
	if err != nil {
		return err
	}
	have, err := parseGTIDSet(r.stored.gtids)
	if err != nil {
		return err
	}
	read := map[string]int64{}
	for _, s := range have.sources {
		domain, _, _ := strings.Cut(s.uuid, "-")
		read[domain] = max(read[domain], s.spans[0].last)
	}
	for _, s := range begins.sources {
		if domain, _, _ := strings.Cut(s.uuid, "-"); s.spans[0].last > read[domain] {
			return fmt.Errorf("the server has purged the transactions of domain %s up to %d, which come after the stored offset (gtids %s); %s",
				domain, s.spans[0].last, r.stored.gtids, wayOut)
		}
	}
	return nil
}

package cdc

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/connectd/connectd/connectors/mysql/row"
)

// sessionStatus is what a query event says of the session that ran the statement (its status variables).
type sessionStatus struct {
	mode    uint64 // sql_mode
	zone    string // time_zone; empty: not said
	charset uint16 // character_set_client, by a collation of it; 0: not said
	dbs     []string
	dbsSaid bool // dbs are all databases the statement changed
}

// Codes of the status variables (Query_log_event::Query_event_post_header_offset). The server writes them in ascending order but for
// the databases, which come before the microseconds.
const (
	statusFlags2        = 0
	statusSQLMode       = 1
	statusAutoIncrement = 3
	statusCharset       = 4
	statusTimeZone      = 5
	statusCatalog       = 6
	statusTimeNames     = 7
	statusCharsetDB     = 8
	statusTableMap      = 9
	statusDataWritten   = 10
	statusInvoker       = 11
	statusUpdatedDBs    = 12
	statusMicroseconds  = 13
)

// tooManyDBs stands for the list of databases of a statement that changed more than the event can name.
const tooManyDBs = 254

var statusSizes = map[byte]int{statusFlags2: 4, statusSQLMode: 8, statusAutoIncrement: 4, statusCharset: 6, statusTimeNames: 2,
	statusCharsetDB: 2, statusTableMap: 8, statusDataWritten: 4, statusMicroseconds: 3}

// parseStatus reads the status variables as far as it knows them.
func parseStatus(b []byte) (s sessionStatus) {
	for len(b) > 0 {
		code := b[0]
		b = b[1:]
		size := statusSizes[code]
		switch code {
		case statusTimeZone, statusCatalog:
			size = shortText(b)
		case statusInvoker:
			if size = shortText(b); size <= len(b) {
				size += shortText(b[size:])
			}
		case statusUpdatedDBs:
			b = s.databases(b)
			continue
		}
		if size == 0 || len(b) < size {
			return s
		}
		switch code {
		case statusSQLMode:
			s.mode = binary.LittleEndian.Uint64(b)
		case statusTimeZone:
			s.zone = string(b[1:size])
		case statusCharset:
			s.charset = binary.LittleEndian.Uint16(b)
		}
		b = b[size:]
	}
	return s
}

// location is the session's time zone; nil if it is not known. SYSTEM, the server's operating system's, is not.
func (s *sessionStatus) location() *time.Location {
	switch {
	case s.zone == "" || strings.EqualFold(s.zone, "SYSTEM"):
		return nil
	case s.zone[0] == '+' || s.zone[0] == '-':
		at, err := time.Parse("-07:00", s.zone)
		if err != nil {
			return nil
		}
		return at.Location()
	}
	zone, err := time.LoadLocation(s.zone)
	if err != nil {
		return nil
	}
	return zone
}

// shortText is the size of a text with a length of one byte.
func shortText(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	return 1 + int(b[0])
}

// databases reads the names of the databases that the statement changed and returns what is behind them.
func (s *sessionStatus) databases(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	n := int(b[0])
	b = b[1:]
	if n == tooManyDBs {
		return b
	}
	for range n {
		name, rest, ok := bytes.Cut(b, []byte{0})
		if !ok {
			return nil
		}
		s.dbs = append(s.dbs, string(name))
		b = rest
	}
	s.dbsSaid = true
	return b
}

// touches tells whether the statement may have changed a database that captured says yes to.
func (s *sessionStatus) touches(captured func(db string) bool) bool {
	return !s.dbsSaid || slices.ContainsFunc(s.dbs, captured)
}

// text is a statement in UTF-8: the log has it in the session's character_set_client, but for the definition that the server itself
// makes of CREATE TABLE … SELECT.
func (s *sessionStatus) text(sql []byte) string {
	generated := bytes.HasSuffix(sql, []byte("START TRANSACTION")) && utf8.Valid(sql)
	if name := clientCharsets[s.charset]; name != "" && !generated {
		if u, err := row.ToUTF8(name, sql); err == nil {
			return string(u)
		}
	}
	return string(sql)
}

// clientCharsets are the character sets, but for UTF-8 and its subsets, that a client can have, by the numbers of their collations.
var clientCharsets = map[uint16]string{
	1: "big5", 84: "big5", 4: "cp850", 80: "cp850", 7: "koi8r", 74: "koi8r",
	5: "latin1", 8: "latin1", 15: "latin1", 31: "latin1", 47: "latin1", 48: "latin1", 49: "latin1", 94: "latin1",
	2: "latin2", 9: "latin2", 21: "latin2", 27: "latin2", 77: "latin2", 12: "ujis", 91: "ujis", 13: "sjis", 88: "sjis",
	16: "hebrew", 71: "hebrew", 18: "tis620", 89: "tis620", 19: "euckr", 85: "euckr", 22: "koi8u", 75: "koi8u",
	24: "gb2312", 86: "gb2312", 25: "greek", 70: "greek", 26: "cp1250", 34: "cp1250", 44: "cp1250", 66: "cp1250", 99: "cp1250",
	28: "gbk", 87: "gbk", 30: "latin5", 78: "latin5", 36: "cp866", 68: "cp866", 39: "macroman", 53: "macroman",
	40: "cp852", 81: "cp852", 20: "latin7", 41: "latin7", 42: "latin7", 79: "latin7",
	14: "cp1251", 23: "cp1251", 50: "cp1251", 51: "cp1251", 52: "cp1251", 57: "cp1256", 67: "cp1256",
	29: "cp1257", 58: "cp1257", 59: "cp1257", 95: "cp932", 96: "cp932", 97: "eucjpms", 98: "eucjpms", 248: "gb18030", 249: "gb18030", 250: "gb18030",
}

package cdc

import (
	"bytes"
	"testing"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/connectd/connectd/connectors/mysql/row"
)

// tableMapSeed is the table map of d.t (INT, VARCHAR(64), MariaDB's compressed BLOB).
var tableMapSeed = []byte("\x05\x00\x00\x00\x00\x00\x01\x00\x01d\x00\x01t\x00\x03\x03\x0f\x8c\x03\x00\x01\x02\x06")

func FuzzTableMap(f *testing.F) {
	f.Add(tableMapSeed, true)
	f.Add(tableMapSeed, false)
	f.Add([]byte("\x05\x00\x00\x00\x00\x00\x01\x00\x01d\x00\x01t\x00\x01\xf7\x02\xf7\x01\x00"), true)
	f.Fuzz(func(t *testing.T, body []byte, mariadb bool) {
		r := &reader{mariadb: mariadb, parser: replication.NewBinlogParser(), inner: replication.NewBinlogParser()}
		types, err := mapTypes(body)
		if err == nil && len(types) > len(body) {
			t.Fatal("more types than bytes")
		}
		raw := make([]byte, replication.EventHeaderSize, replication.EventHeaderSize+len(body))
		raw[4] = byte(replication.TABLE_MAP_EVENT)
		raw[9], raw[10] = byte(replication.EventHeaderSize+len(body)), byte((replication.EventHeaderSize+len(body))>>8)
		raw = append(raw, body...)
		before := bytes.Clone(body)
		func() {
			defer func() { _ = recover() }() // the library's parser panics on some; HandleEvent makes an error of it
			_, _ = r.parseMap(body, raw)
		}()
		if !bytes.Equal(before, body) {
			t.Fatal("the event was changed")
		}
	})
}

func FuzzXID(f *testing.F) {
	f.Add("XA COMMIT X'6162',X'',1", []byte("\x00\x01\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00abc"))
	f.Add("XA ROLLBACK X'61',X'62',-7", []byte("\x01\xff\xff\xff\xff\x40\x00\x00\x00\x40\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, sql string, body []byte) {
		if id, err := parseXID(sql); err == nil && id == "" {
			t.Fatal("an id without text")
		}
		if id, _, err := parsePrepare(body); err == nil && id == "" {
			t.Fatal("an id without text")
		}
	})
}

func FuzzExpand(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x00plain"))
	f.Add([]byte("\x81\x05x\x9cK\xcaI\xcc\x03\x00"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = row.Expand(b)
	})
}

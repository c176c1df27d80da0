package history

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// The records of the mirror's topic, as JSON. Keys name the server (topic prefix), then the database, then the table, as far as there
// is one; a value of null is a table, or a database's character set, that is gone.
//
//	{"server":"s"}                          mirrorHeader
//	{"server":"s","db":"d"}                 {"charset":"latin1"}
//	{"server":"s","db":"d","table":"t"}     a table change of a document, in compact form
type mirrorKey struct {
	Server string  `json:"server"`
	DB     *string `json:"db,omitempty"`
	Table  *string `json:"table,omitempty"`
}

// mirrorVersion is that of the form, and of how documents are folded: another one is not used, and written anew.
const mirrorVersion = 1

// mirrorHeader says what the other records are.
type mirrorHeader struct {
	Version   int        `json:"version"`
	Base      int64      `json:"base"`      // offset of the first document that was folded
	Upto      int64      `json:"upto"`      // offset behind the last one that was
	Last      string     `json:"last"`      // fingerprint of the document before Upto
	Bounds    []Position `json:"bounds"`    // of the documents
	Settings  string     `json:"settings"`  // what folding depends on
	Charset   string     `json:"charset"`   // the server's
	Documents int        `json:"documents"` // of the server among those that were folded
	Records   int        `json:"records"`   // number of the other records
	Sum       string     `json:"sum"`       // of their hashes
}

type mirrorCharset struct {
	Charset string `json:"charset"`
}

func headerKey(server string) []byte { return mustJSON(mirrorKey{Server: server}) }

func charsetKey(server, db string) []byte { return mustJSON(mirrorKey{Server: server, DB: &db}) }

func tableKey(server string, id TableID) []byte {
	return mustJSON(mirrorKey{Server: server, DB: &id.DB, Table: &id.Name})
}

// mustJSON writes texts and numbers, which cannot fail.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func tableValue(t *Table) []byte {
	w := writer{compact: true}
	w.change(&Change{Type: Create, ID: t.ID, Table: t})
	return w.b
}

func parseTableValue(b []byte) (*Table, error) {
	var j jsonChange
	if err := json.Unmarshal(b, &j); err != nil {
		return nil, fmt.Errorf("reading a table: %w", err)
	}
	ch, err := j.change("")
	if err != nil {
		return nil, err
	}
	if ch.Table == nil {
		return nil, fmt.Errorf("table %s has no definition", ch.ID)
	}
	return ch.Table, nil
}

// hashRecord is a number for a key and its value. Numbers are added up, so that a record can be taken out again.
func hashRecord(key, value []byte) uint64 {
	h := sha256.New()
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(key)))
	h.Write(n[:])
	h.Write(key)
	h.Write(value)
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// fingerprint is the text by which a document is known again.
func fingerprint(document []byte) string {
	sum := sha256.Sum256(document)
	return hex.EncodeToString(sum[:16])
}

package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"strconv"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/topiclog"
)

// OffsetKey is the record key of a source partition: ["<connector>",<partition>], the partition as the connector wrote it.
// (org.apache.kafka.connect.storage.OffsetStorageWriter)
func OffsetKey(connector string, partition []byte) []byte {
	key := appendString([]byte{'['}, connector)
	return append(append(append(key, ','), partition...), ']')
}

// OffsetRecords renders entries as records of an offsets topic, byte for byte, for those who write them with a producer of their own
// (exactly-once). Nil offsets become tombstones. A partition or offset that is no JSON is an error: it could not be read back.
func OffsetRecords(connector string, entries ...cluster.SourceOffset) ([]topiclog.Record, error) {
	out := make([]topiclog.Record, len(entries))
	for i, e := range entries {
		if !json.Valid(e.Partition) {
			return nil, fmt.Errorf("source partition %q is no JSON", e.Partition)
		}
		if e.Offset != nil && !json.Valid(e.Offset) {
			return nil, fmt.Errorf("source offset %q of partition %s is no JSON", e.Offset, e.Partition)
		}
		out[i] = topiclog.Record{Key: OffsetKey(connector, e.Partition), Value: e.Offset}
	}
	return out, nil
}

// parseOffsetKey takes a record key apart; the partition keeps its bytes.
func parseOffsetKey(key []byte) (connector string, partition json.RawMessage, err error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(key, &parts); err != nil {
		return "", nil, err
	}
	if len(parts) != 2 {
		return "", nil, errors.New("not an array of connector and partition")
	}
	if err := json.Unmarshal(parts[0], &connector); err != nil || parts[0][0] != '"' {
		return "", nil, errors.New("the connector's name is no text")
	}
	if parts[1][0] != '{' && string(parts[1]) != "null" {
		return "", nil, errors.New("the partition is no object")
	}
	return connector, bytes.Clone(parts[1]), nil
}

// canonical renders a JSON document so that documents that are equal once decoded, as Java decodes them, have the same text: keys
// sorted, whole numbers by value, other numbers as doubles (1 and 1.0 differ), text unescaped.
func canonical(doc []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return "", err
	}
	numbers(&v)
	// Maps are written with sorted keys.
	out, err := json.Marshal(v)
	return string(out), err
}

// numbers makes numbers comparable, in place.
func numbers(v *any) {
	switch x := (*v).(type) {
	case map[string]any:
		for k, e := range x {
			numbers(&e)
			x[k] = e
		}
	case []any:
		for i := range x {
			numbers(&x[i])
		}
	case json.Number:
		if n, ok := new(big.Int).SetString(x.String(), 10); ok {
			*v = json.Number(n.String())
		} else if f, err := strconv.ParseFloat(x.String(), 64); err == nil {
			// The mark keeps 1.0 apart from 1.
			*v = map[string]string{"\x00double": strconv.FormatFloat(f, 'g', -1, 64)}
		}
	}
}

// offsetView is an offsets topic as read so far. Callers hold the lock of the store it is part of.
type offsetView struct {
	connectors map[string]map[string]*offsetEntry // by connector, by canonical partition
}

// offsetEntry holds the spellings of one source partition. As keys of the topic they are different records, so a rewritten connector
// with another order of fields leaves the old spelling behind.
type offsetEntry struct{ spellings []cluster.SourceOffset } // the newest last

func (e *offsetEntry) newest() cluster.SourceOffset { return e.spellings[len(e.spellings)-1] }

func newOffsetView() *offsetView {
	return &offsetView{connectors: map[string]map[string]*offsetEntry{}}
}

func (v *offsetView) apply(key, value []byte) error {
	connector, partition, err := parseOffsetKey(key)
	if err != nil {
		return err
	}
	if value != nil && !json.Valid(value) {
		return errors.New("the offset is no JSON")
	}
	canon, err := canonical(partition)
	if err != nil {
		return err
	}
	entries := v.connectors[connector]
	e := entries[canon]
	if e != nil {
		for i, s := range e.spellings {
			if bytes.Equal(s.Partition, partition) {
				e.spellings = append(e.spellings[:i:i], e.spellings[i+1:]...)
				break
			}
		}
	}
	if value == nil || string(value) == "null" {
		if e != nil && len(e.spellings) == 0 {
			delete(entries, canon)
			if len(entries) == 0 {
				delete(v.connectors, connector)
			}
		}
		return nil
	}
	if e == nil {
		if entries == nil {
			entries = map[string]*offsetEntry{}
			v.connectors[connector] = entries
		}
		e = &offsetEntry{}
		entries[canon] = e
	}
	e.spellings = append(e.spellings, cluster.SourceOffset{Partition: partition, Offset: bytes.Clone(value)})
	return nil
}

// clone copies the view, for forget; the entries are shared.
func (v *offsetView) clone() *offsetView {
	out := newOffsetView()
	for name, entries := range v.connectors {
		out.connectors[name] = maps.Clone(entries)
	}
	return out
}

// forget removes the entry that the record of the key is about.
func (v *offsetView) forget(key []byte) {
	connector, partition, err := parseOffsetKey(key)
	if err != nil {
		return
	}
	canon, err := canonical(partition)
	if err != nil {
		return
	}
	if delete(v.connectors[connector], canon); len(v.connectors[connector]) == 0 {
		delete(v.connectors, connector)
	}
}

func (v *offsetView) read(connector string, partitions []*connect.SourcePartition) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, len(partitions))
	for i, p := range partitions {
		canon, err := canonical(p.JSON())
		if err != nil {
			return nil, fmt.Errorf("source partition %q is no JSON: %w", p.JSON(), err)
		}
		if e := v.connectors[connector][canon]; e != nil {
			out[i] = bytes.Clone(e.newest().Offset)
		}
	}
	return out, nil
}

// obsolete lists tombstones for the other spellings of what entries write.
func (v *offsetView) obsolete(connector string, entries []cluster.SourceOffset) []cluster.SourceOffset {
	var out []cluster.SourceOffset
	for _, w := range entries {
		canon, err := canonical(w.Partition)
		if err != nil {
			continue
		}
		e := v.connectors[connector][canon]
		if e == nil {
			continue
		}
		for _, s := range e.spellings {
			if !bytes.Equal(s.Partition, w.Partition) {
				out = append(out, cluster.SourceOffset{Partition: s.Partition})
			}
		}
	}
	return out
}

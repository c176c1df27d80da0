package hdfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
)

// The write-ahead log of the Java connector (io.confluent.connect.hdfs.wal.FSWAL): blocks of BEGIN, pairs of temporary and final
// file, END. It is read once, at take-over, and then put aside.

const (
	walName     = "log"
	walOldName  = "log.1"
	walRetired  = ".applied"
	walBegin    = "BEGIN"
	walEnd      = "END"
	walHeader   = 4 + 16 // "WAL", version, sync marker
	walSyncMark = -1
)

type walPair struct{ temp, final string }

var errWAL = errors.New("not a write-ahead log, or a damaged one")

// parseWAL returns the complete blocks of a log. With an error it returns those before the damage. A torn end, as a crash leaves it,
// is no error.
func parseWAL(b []byte) ([][]walPair, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if len(b) < walHeader || string(b[:3]) != "WAL" || b[3] != 0 {
		return nil, errWAL
	}
	mark := b[4:walHeader]
	b = b[walHeader:]
	var blocks [][]walPair
	var block []walPair
	open := false
	for len(b) >= 4 {
		n := int32(binary.BigEndian.Uint32(b))
		b = b[4:]
		if n == walSyncMark {
			if len(b) < len(mark) {
				break
			}
			if !bytes.Equal(b[:len(mark)], mark) {
				return blocks, errWAL
			}
			b = b[len(mark):]
			continue
		}
		if len(b) < 4 || int64(n) > int64(len(b)-4) {
			if n < 0 {
				return blocks, errWAL
			}
			break
		}
		key, value, err := walRecord(b, n)
		if err != nil {
			return blocks, err
		}
		b = b[4+int(n):]
		switch {
		case key == walBegin && value == "":
			block, open = nil, true
		case key == walEnd && value == "":
			if open {
				blocks = append(blocks, block)
			}
			block, open = nil, false
		case open:
			block = append(block, walPair{key, value})
		}
	}
	return blocks, nil
}

// walRecord reads key length, key and value; n is the length of key and value.
func walRecord(b []byte, n int32) (key, value string, err error) {
	k := int32(binary.BigEndian.Uint32(b))
	if n < 0 || k < 0 || k > n {
		return "", "", errWAL
	}
	body := b[4 : 4+int(n)]
	if key, err = hadoopText(body[:k]); err != nil {
		return "", "", err
	}
	value, err = hadoopText(body[k:])
	return key, value, err
}

// hadoopText reads an org.apache.hadoop.io.Text: a variable length (WritableUtils.readVInt) and UTF-8.
func hadoopText(b []byte) (string, error) {
	if len(b) == 0 {
		return "", errWAL
	}
	first := int8(b[0])
	b = b[1:]
	n := int64(first)
	switch {
	case first >= -112:
	case first >= -120: // -113: one byte follows, … -120: eight
		size := -112 - int(first)
		if len(b) < size {
			return "", errWAL
		}
		n = 0
		for _, c := range b[:size] {
			n = n<<8 | int64(c)
		}
		b = b[size:]
	default: // negative
		return "", errWAL
	}
	if n < 0 || n != int64(len(b)) {
		return "", errWAL
	}
	return string(b), nil
}

// takeOver applies the log of the Java connector, if there is one, and puts it aside. end is the last offset it knows to be
// committed, or unknown.
func (w *writer) takeOver() (end int64, err error) {
	end = unknown
	for _, name := range []string{walName, walOldName} {
		file := w.logDir + "/" + name
		there, err := exists(w.fs, file)
		if err != nil {
			return unknown, err
		}
		if !there {
			continue
		}
		found, err := w.applyWAL(file)
		if err != nil {
			return unknown, err
		}
		if end == unknown {
			end = found
		}
		err = w.fs.Rename(file, file+walRetired)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return unknown, fmt.Errorf("putting aside the write-ahead log %s: %w", file, err)
		}
	}
	return end, nil
}

func (w *writer) applyWAL(file string) (end int64, err error) {
	if err := w.fs.RecoverLease(file); err != nil {
		return unknown, fmt.Errorf("taking over the write-ahead log %s (is the Java connector still running?): %w", file, err)
	}
	doc, err := w.fs.ReadFile(file)
	if err != nil {
		return unknown, fmt.Errorf("reading the write-ahead log %s: %w", file, err)
	}
	blocks, err := parseWAL(doc)
	if err != nil {
		w.log.Warn("the write-ahead log of the Java connector is damaged; applying the part that can be read",
			"topic", w.tp.Topic, "partition", w.tp.Partition, "file", file)
	}
	end = unknown
	for _, block := range blocks {
		end = unknown
		for _, p := range block {
			final := hdfsPath(p.final)
			if err := w.finish(hdfsPath(p.temp), final); err != nil {
				return unknown, err
			}
			if t, n, e, ok := parseName(path.Base(final)); ok && t == w.tp.Topic && n == w.tp.Partition {
				end = max(end, e)
			}
		}
	}
	return end, nil
}

// hdfsPath takes scheme and host off; the Java connector logs whole URLs with double slashes.
func hdfsPath(s string) string {
	if u, err := url.Parse(s); err == nil && u.Scheme != "" {
		s = u.Path
	}
	return path.Clean("/" + s)
}

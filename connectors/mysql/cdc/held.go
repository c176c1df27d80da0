package cdc

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/go-mysql-org/go-mysql/replication"
)

// heldMemory is how many bytes of events one transaction holds in memory; the rest goes to a temporary file.
const heldMemory = 16 << 20

// heldEvents are events of a transaction that wait for its end. One goroutine.
type heldEvents struct {
	most   int // events in memory; 0: any number
	events []heldEvent
	bytes  int
	file   *os.File // already unlinked; nil until needed
	w      *bufio.Writer
	spilt  int
}

type heldEvent struct {
	kind  replication.EventType
	plain bool   // without a checksum: out of a compressed transaction
	raw   []byte // header, body, tail
	tail  int    // bytes behind the body: the checksum
}

func (e *heldEvent) body() []byte { return e.raw[replication.EventHeaderSize : len(e.raw)-e.tail] }

// hold keeps an event.
func (x *heldEvents) hold(e heldEvent) error {
	x.bytes += len(e.raw)
	if x.file == nil && x.bytes <= heldMemory && (x.most == 0 || len(x.events) < x.most) {
		x.events = append(x.events, e)
		return nil
	}
	if x.file == nil {
		f, err := os.CreateTemp("", "connectd-binlog-")
		if err != nil {
			return x.spilling(err)
		}
		_ = os.Remove(f.Name()) // nothing is left behind, whatever happens
		x.file, x.w = f, bufio.NewWriterSize(f, 1<<16)
	}
	var head [12]byte
	head[0] = byte(e.kind)
	if e.plain {
		head[1] = 1
	}
	head[2] = byte(e.tail)
	binary.LittleEndian.PutUint32(head[4:], uint32(len(e.raw)))
	_, err := x.w.Write(head[:])
	if err == nil {
		_, err = x.w.Write(e.raw)
	}
	if err != nil {
		return x.spilling(err)
	}
	x.spilt++
	return nil
}

// spilling is the error of a temporary file that cannot be written: the disk is full, mostly.
func (x *heldEvents) spilling(err error) error {
	return fmt.Errorf("holding a transaction of %d bytes in a temporary file: make room in %s, or set TMPDIR to a folder that has it, and restart the task: %w", x.bytes, os.TempDir(), err)
}

// each calls f for the events in their order.
func (x *heldEvents) each(f func(heldEvent) error) error {
	for _, e := range x.events {
		if err := f(e); err != nil {
			return err
		}
	}
	if x.file == nil {
		return nil
	}
	if err := x.w.Flush(); err != nil {
		return x.spilling(err)
	}
	if _, err := x.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	in := bufio.NewReaderSize(x.file, 1<<16)
	for range x.spilt {
		var head [12]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return fmt.Errorf("reading a held transaction: %w", err)
		}
		e := heldEvent{kind: replication.EventType(head[0]), plain: head[1] == 1, tail: int(head[2]),
			raw: make([]byte, binary.LittleEndian.Uint32(head[4:]))}
		if _, err := io.ReadFull(in, e.raw); err != nil {
			return fmt.Errorf("reading a held transaction: %w", err)
		}
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

func (x *heldEvents) close() {
	if x.file != nil {
		_ = x.file.Close()
		x.file = nil
	}
}

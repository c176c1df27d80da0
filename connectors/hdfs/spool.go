package hdfs

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// spoolMemory is how many bytes of a file are kept in memory before they go to the local temporary folder.
const spoolMemory = 128 << 10

// spool holds a file on this machine until it is complete. HDFS gets it in one burst: a pipeline that idles is cut by the DataNode
// after a minute, and a failed one cannot be resumed; so a commit can be tried again without reading Kafka again.
type spool struct {
	mem  bytes.Buffer // the end of the file
	disk *os.File     // what comes before; nil: nothing
	size int64
}

func (s *spool) Write(b []byte) (int, error) {
	if s.mem.Len() > 0 && s.mem.Len()+len(b) > spoolMemory {
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	s.size += int64(len(b))
	return s.mem.Write(b)
}

// spill moves what is in memory to disk. The file's name goes at once, so that nothing stays behind when the process dies.
func (s *spool) spill() error {
	if s.disk == nil {
		f, err := os.CreateTemp("", "connectd-hdfs-*")
		if err != nil {
			return err
		}
		if err := os.Remove(f.Name()); err != nil {
			return errors.Join(err, f.Close())
		}
		s.disk = f
	}
	if _, err := s.disk.Write(s.mem.Bytes()); err != nil {
		return err
	}
	s.mem.Reset()
	return nil
}

// copyTo writes all of it to w; it can be called again.
func (s *spool) copyTo(w io.Writer) error {
	if s.disk != nil {
		n := s.size - int64(s.mem.Len())
		if _, err := io.CopyBuffer(struct{ io.Writer }{w}, io.NewSectionReader(s.disk, 0, n), make([]byte, 256<<10)); err != nil {
			return err
		}
	}
	_, err := w.Write(s.mem.Bytes())
	return err
}

func (s *spool) close() {
	if s.disk != nil {
		_ = s.disk.Close()
		s.disk = nil
	}
	s.mem = bytes.Buffer{}
}

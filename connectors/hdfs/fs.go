package hdfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// fileSystem is what the connector needs of HDFS. Names are absolute, with slashes. Implementations are safe for concurrent use.
//
// Errors wrap fs.ErrNotExist, fs.ErrExist and fs.ErrPermission where they apply. Any other error may mean that the call was
// carried out, or will be later: callers must stand both.
type fileSystem interface {
	// Create makes a new file. It never makes directories: a missing parent is fs.ErrNotExist, which is how an instance
	// learns that its directory was fenced off.
	Create(name string) (file, error)
	// Rename moves a file or directory. HDFS replaces an existing file without a word: check first.
	Rename(from, to string) error
	Stat(name string) (entry, error)
	// List returns the entries of a directory, in no certain order.
	List(dir string) ([]entry, error)
	ReadFile(name string) ([]byte, error)
	// Mkdir makes a directory and its parents; an existing one is fine.
	Mkdir(dir string) error
	// Remove deletes a file, or a directory with all it holds; a missing one is fine.
	Remove(name string) error
	// RecoverLease ends what another writer left open, so that all its data can be read. It fails while that writer lives.
	RecoverLease(name string) error
	Close() error
}

// file is a file being written. Nothing is durable before Close has returned nil. Abort gives the file up.
type file interface {
	io.Writer
	Close() error
	Abort()
}

type entry struct {
	Name string // base name
	Size int64
	Dir  bool
}

// localFS keeps everything under a folder of this machine: for file:// URLs, as Hadoop's LocalFileSystem does, and for tests.
type localFS struct {
	root string
	sync bool // flush files to the disk when they are closed
}

func (l localFS) path(name string) string { return filepath.Join(l.root, filepath.FromSlash(name)) }

func (l localFS) Create(name string) (file, error) {
	f, err := os.OpenFile(l.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	return localFile{f, l.sync}, nil
}

type localFile struct {
	*os.File
	sync bool
}

func (f localFile) Close() error {
	if f.sync {
		if err := f.Sync(); err != nil {
			return errors.Join(err, f.File.Close())
		}
	}
	return f.File.Close()
}

func (f localFile) Abort() { _ = f.File.Close() }

func (l localFS) Rename(from, to string) error { return os.Rename(l.path(from), l.path(to)) }

func (l localFS) Stat(name string) (entry, error) {
	info, err := os.Stat(l.path(name))
	if err != nil {
		return entry{}, err
	}
	return entry{info.Name(), info.Size(), info.IsDir()}, nil
}

func (l localFS) List(dir string) ([]entry, error) {
	list, err := os.ReadDir(l.path(dir))
	if err != nil {
		return nil, err
	}
	out := make([]entry, 0, len(list))
	for _, e := range list {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // went away meanwhile
		}
		if err != nil {
			return nil, err
		}
		out = append(out, entry{e.Name(), info.Size(), e.IsDir()})
	}
	return out, nil
}

func (l localFS) ReadFile(name string) ([]byte, error) { return os.ReadFile(l.path(name)) }
func (l localFS) Mkdir(dir string) error               { return os.MkdirAll(l.path(dir), 0o755) }
func (l localFS) Remove(name string) error             { return os.RemoveAll(l.path(name)) }
func (l localFS) RecoverLease(string) error            { return nil }
func (l localFS) Close() error                         { return nil }

package hdfs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

// fencedPrefix marks the directory of an attempt that may commit no more.
const fencedPrefix = "fenced-"

// fence makes this instance the only one that can commit to the partition, and completes what others had decided. Everything that is
// committed is visible in the file names afterwards, and stays so until this attempt is fenced itself. The order of the steps is
// what the argument in doc.go rests on.
func (w *writer) fence() error {
	if err := w.newAttempt(); err != nil {
		return err
	}
	list, err := w.fs.List(w.tempDir)
	if err != nil {
		return fmt.Errorf("listing %s: %w", w.tempDir, err)
	}
	for _, e := range list {
		name := w.tempDir + "/" + e.Name
		switch {
		case name == w.attempt || !e.Dir:
			continue
		case !strings.HasPrefix(e.Name, fencedPrefix):
			to := w.tempDir + "/" + fencedPrefix + e.Name
			err := w.fs.Rename(name, to)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("fencing off %s: %w", name, err)
			}
			name = to // also if it is gone: somebody else fenced it off, and may not have finished
		}
		if err := w.rollForward(name); err != nil {
			return err
		}
		if err := w.fs.Remove(name); err != nil {
			return fmt.Errorf("removing %s: %w", name, err)
		}
	}
	return nil
}

// newAttempt makes the directory of a new attempt. Each try has a new name: a call that failed may be carried out later, and must not
// bring back a directory that was fenced off.
func (w *writer) newAttempt() error {
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	w.attempt = w.tempDir + "/" + hex.EncodeToString(id[:])
	w.seq, w.litter = 0, nil
	if err := w.fs.Mkdir(w.attempt); err != nil {
		return fmt.Errorf("making directory %s: %w", w.attempt, err)
	}
	return nil
}

// rollForward carries out the manifests of a fenced attempt. Several instances may do so at once: a temporary file can be renamed
// once only.
func (w *writer) rollForward(dir string) error {
	list, err := w.fs.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another instance has finished with it
	}
	if err != nil {
		return fmt.Errorf("listing %s: %w", dir, err)
	}
	for _, e := range list {
		if e.Dir || !strings.HasPrefix(e.Name, manifestPrefix) {
			continue
		}
		doc, err := w.fs.ReadFile(dir + "/" + e.Name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading manifest %s/%s: %w", dir, e.Name, err)
		}
		var m manifest
		if err := json.Unmarshal(doc, &m); err != nil || m.Version != 1 || m.Topic != w.tp.Topic || m.Partition != w.tp.Partition {
			return &fatalError{fmt.Errorf("the manifest %s/%s of an unfinished commit is not one of %s; look at it and remove it by hand", dir, e.Name, w.tp)}
		}
		for _, f := range m.Files {
			if err := w.finish(dir+"/"+f.Temp, f.Final); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish carries out one rename of somebody else's commit, unless it was carried out already.
func (w *writer) finish(temp, final string) error {
	left, err := exists(w.fs, temp)
	if err != nil || !left {
		return err
	}
	there, err := exists(w.fs, final)
	if err != nil {
		return err
	}
	if there {
		w.log.Warn("an unfinished commit names a file that is there already; keeping the one in place",
			"topic", w.tp.Topic, "partition", w.tp.Partition, "file", final)
		return nil
	}
	if err := w.mkdir(parent(final)); err != nil {
		return err
	}
	err = w.fs.Rename(temp, final)
	if errors.Is(err, fs.ErrNotExist) {
		if left, err := exists(w.fs, temp); err != nil || !left {
			return err // another instance was faster
		}
	}
	if err != nil {
		clear(w.made)
		return fmt.Errorf("renaming %s to %s: %w", temp, final, err)
	}
	return nil
}

func parent(name string) string { return name[:strings.LastIndexByte(name, '/')] }

// fatalError is one that no waiting will mend.
type fatalError struct{ err error }

func (e *fatalError) Error() string { return e.err.Error() }
func (e *fatalError) Unwrap() error { return e.err }

// committedName is the name of a committed file: topic, partition, first and last offset.
var committedName = regexp.MustCompile(`^([a-zA-Z0-9._\-]+)\+(\d+)\+(\d+)\+(\d+)(\.\w+)?$`)

// parseName reads a committed file's name; ok is false for any other.
func parseName(name string) (topic string, partition int32, end int64, ok bool) {
	m := committedName.FindStringSubmatch(name)
	if m == nil {
		return "", 0, 0, false
	}
	p, err := strconv.ParseInt(m[2], 10, 32)
	if err != nil {
		return "", 0, 0, false
	}
	end, err = strconv.ParseInt(m[4], 10, 64)
	return m[1], int32(p), end, err == nil
}

// scan finds the last committed offset of each partition of a topic from the names of all files below dir.
func scan(ctx context.Context, f fileSystem, dir, topic string) (map[int32]int64, error) {
	out := map[int32]int64{}
	todo := []string{dir}
	for len(todo) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		list, err := f.List(d)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", d, err)
		}
		for _, e := range list {
			if e.Dir {
				todo = append(todo, d+"/"+e.Name)
				continue
			}
			t, p, end, ok := parseName(e.Name)
			if !ok || t != topic {
				continue
			}
			if old, seen := out[p]; !seen || end > old {
				out[p] = end
			}
		}
	}
	return out, nil
}

package hdfs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sync"
)

// errLost says that this attempt may commit no more: its directory was fenced off, or a file of the same name is there already.
// What is committed must be found out again.
var errLost = errors.New("another instance has taken over the topic partition")

// commit brings all sealed generations to HDFS, in order. It goes on where an earlier call failed.
func (w *writer) commit(ctx context.Context) error {
	if err := w.upload(ctx); err != nil {
		return err
	}
	for len(w.sealed) > 0 {
		g := w.sealed[0]
		if err := w.commitGeneration(ctx, g); err != nil {
			return err
		}
		w.committed = g.end() + 1
		g.discard()
		w.sealed = w.sealed[1:]
	}
	w.becomeWriting()
	return nil
}

// commitGeneration: manifest first if there are several files, then a rename each.
func (w *writer) commitGeneration(ctx context.Context, g *generation) error {
	for _, f := range g.files {
		if err := w.mkdir(path.Dir(f.final)); err != nil {
			return err
		}
	}
	name := ""
	if len(g.files) > 1 {
		if g.seq == 0 {
			w.seq++
			g.seq = w.seq
		}
		name = fmt.Sprintf("%s/%s%06d", w.attempt, manifestPrefix, g.seq)
		if !g.manifest {
			if err := w.writeManifest(g, name); err != nil {
				return err
			}
			g.manifest = true
		}
	}
	if err := w.each(ctx, g.files, w.publish); err != nil {
		clear(w.made) // somebody may have removed a directory
		return err
	}
	if name != "" {
		// Only tidiness: a manifest whose files are all in place does nothing.
		if err := w.fs.Remove(name); err != nil {
			w.log.Debug("could not remove a finished manifest", "file", name, "error", err)
		}
	}
	return nil
}

// each runs f for all files, as many at a time as there are slots, and returns the first error by order of files.
func (w *writer) each(ctx context.Context, files []*outFile, f func(*outFile) error) error {
	errs := make([]error, len(files))
	var wg sync.WaitGroup
	for i, x := range files {
		if x.complete {
			continue
		}
		select {
		case w.slots <- struct{}{}:
		case <-ctx.Done():
			errs[i] = ctx.Err()
			continue
		}
		wg.Go(func() {
			defer func() { <-w.slots }()
			errs[i] = contained(func() error { return f(x) })
		})
	}
	wg.Wait()
	for _, err := range errs {
		if errors.Is(err, errLost) {
			return err
		}
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// upload brings the files of all sealed generations to the attempt directory.
func (w *writer) upload(ctx context.Context) error {
	var files []*outFile
	for _, g := range w.sealed {
		for _, f := range g.files {
			if f.temp == "" {
				if f.try != "" {
					w.litter = append(w.litter, f.try)
				}
				w.seq++
				f.tryName(w)
				files = append(files, f)
			}
		}
	}
	if err := w.each(ctx, files, w.uploadFile); err != nil {
		return err
	}
	w.sweep()
	return nil
}

// sweep removes what failed tries have left. Only tidiness: it goes with the attempt's directory at last, but while HDFS takes no data
// each try leaves a file, for hours perhaps.
func (w *writer) sweep() {
	for _, name := range w.litter {
		if err := w.fs.Remove(w.attempt + "/" + name); err != nil {
			w.log.Debug("could not remove what a failed try has left", "file", name, "error", err)
			break
		}
	}
	w.litter = nil
}

// tryName gives the file a fresh temporary name: an earlier try may have left half a file, or a call that is still to come.
func (f *outFile) tryName(w *writer) {
	f.final = path.Clean(f.final)
	f.try = fmt.Sprintf("%06d_tmp%s", w.seq, w.format.Extension())
}

func (w *writer) uploadFile(f *outFile) error {
	name := w.attempt + "/" + f.try
	if err := w.createFile(name, f.spool.copyTo); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	e, err := w.fs.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errLost
	case err != nil:
		return fmt.Errorf("checking %s: %w", name, err)
	case e.Size != f.spool.size:
		return fmt.Errorf("checking %s: it has %d bytes in place of %d", name, e.Size, f.spool.size)
	}
	f.temp = f.try
	return nil
}

// createFile writes a whole file below the attempt directory.
func (w *writer) createFile(name string, content func(io.Writer) error) error {
	out, err := w.fs.Create(name)
	if errors.Is(err, fs.ErrNotExist) {
		return errLost
	}
	if err != nil {
		return err
	}
	if err := content(out); err != nil {
		out.Abort()
		return err
	}
	return out.Close()
}

// mkdir makes a directory for final files, once.
func (w *writer) mkdir(dir string) error {
	if _, ok := w.made[dir]; ok {
		return nil
	}
	if err := w.fs.Mkdir(dir); err != nil {
		return fmt.Errorf("making directory %s: %w", dir, err)
	}
	w.made[dir] = struct{}{}
	return nil
}

// publish renames one file into place: that is its commit. The calls before may have failed in ways that leave open whether they
// were carried out.
func (w *writer) publish(f *outFile) error {
	temp := w.attempt + "/" + f.temp
	there, err := exists(w.fs, f.final)
	if err != nil {
		return err
	}
	if there {
		return w.alreadyThere(f, temp)
	}
	tried := f.tried
	f.tried = true
	err = w.fs.Rename(temp, f.final)
	if err == nil {
		f.complete = true
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("renaming %s to %s: %w", temp, f.final, err)
	}
	return w.renameMissed(f, temp, tried)
}

// alreadyThere: a file of that name is in place. It is ours if an earlier rename of ours was carried out after all.
func (w *writer) alreadyThere(f *outFile, temp string) error {
	left, err := exists(w.fs, temp)
	if err != nil {
		return err
	}
	if f.tried && !left {
		f.complete = true
		return nil
	}
	w.log.Warn("a file of this name is committed already; reading again from what is committed",
		"topic", w.tp.Topic, "partition", w.tp.Partition, "file", f.final)
	return errLost
}

// renameMissed: the rename found no source, or no directory to go to.
func (w *writer) renameMissed(f *outFile, temp string, tried bool) error {
	left, err := exists(w.fs, temp)
	if err != nil {
		return err
	}
	if left { // somebody removed the directory of the final file
		return fmt.Errorf("renaming %s to %s: no such directory", temp, f.final)
	}
	ours, err := exists(w.fs, w.attempt)
	if err != nil {
		return err
	}
	if ours && tried { // carried out earlier, and the file was moved on since
		f.complete = true
		return nil
	}
	return errLost
}

func exists(f fileSystem, name string) (bool, error) {
	_, err := f.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for %s: %w", name, err)
	}
	return true, nil
}

const manifestPrefix = "manifest-"

// manifest lists the files of one generation. It is in place, complete, or it is not there.
type manifest struct {
	Version   int            `json:"version"`
	Topic     string         `json:"topic"`
	Partition int32          `json:"partition"`
	Files     []manifestFile `json:"files"`
}

// manifestFile is one rename. Temp is a name in the manifest's own directory, Final an absolute one.
type manifestFile struct {
	Temp  string `json:"temp"`
	Final string `json:"final"`
}

// writeManifest puts the manifest into place: the commit of all files of g. Calling it again is harmless, the content is the same.
func (w *writer) writeManifest(g *generation, name string) error {
	m := manifest{Version: 1, Topic: w.tp.Topic, Partition: w.tp.Partition}
	for _, f := range g.files {
		m.Files = append(m.Files, manifestFile{f.temp, f.final})
	}
	doc, err := json.Marshal(m)
	if err != nil {
		return err
	}
	w.seq++
	temp := fmt.Sprintf("%s/%06d_tmp.manifest", w.attempt, w.seq)
	err = w.createFile(temp, func(dst io.Writer) error {
		_, err := dst.Write(doc)
		return err
	})
	if err != nil {
		return fmt.Errorf("writing the manifest %s: %w", temp, err)
	}
	err = w.fs.Rename(temp, name)
	if errors.Is(err, fs.ErrNotExist) {
		return errLost
	}
	if err != nil {
		return fmt.Errorf("renaming the manifest %s: %w", temp, err)
	}
	return nil
}

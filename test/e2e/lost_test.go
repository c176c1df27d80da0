//go:build integration

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/test/process"
)

// fileSource creates a source over a new file with the lines.
func (p *proc) fileSource(name, lines string) (file string) {
	p.t.Helper()
	file = filepath.Join(p.t.TempDir(), "in.txt")
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.put(name, map[string]string{
		"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "file": file, "topic": name, "tasks.max": "1",
	})
	return file
}

func (p *proc) position(name string, want int) {
	p.t.Helper()
	process.Await(p.t, time.Minute, fmt.Sprintf("offset %d of %s", want, name), func() error {
		var o struct {
			Offsets []struct{ Offset struct{ Position int } }
		}
		if _, err := p.Do("GET", "/connectors/"+name+"/offsets", nil, &o); err != nil {
			return err
		}
		if len(o.Offsets) != 1 || o.Offsets[0].Offset.Position != want {
			return fmt.Errorf("%+v", o)
		}
		return nil
	})
}

// TestLostOffsetsTopic: the offsets topic is deleted while connectors run. The worker creates it anew, with what it knows, also of
// connectors that are stopped; nothing is read twice, not even after the worker's restart.
func TestLostOffsetsTopic(t *testing.T) {
	c := newCluster(t, nil)
	w := c.add()
	busy, idle := c.group+"-busy", c.group+"-idle"
	file := w.fileSource(busy, "1\n2\n")
	w.fileSource(idle, "1\n2\n3\n")
	w.position(busy, 4)
	w.position(idle, 6)
	if _, err := w.Do("PUT", "/connectors/"+idle+"/stop", nil, nil); err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(process.Bed(t, "BED_KAFKA")))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm, topic := kadm.NewClient(cl), c.group+"-offsets"
	if _, err := adm.DeleteTopic(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString("3\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	process.Await(t, time.Minute, "offsets in the new topic", func() error {
		ends, err := adm.ListEndOffsets(t.Context(), topic)
		if err != nil {
			return err
		}
		sum := int64(0)
		ends.Each(func(o kadm.ListedOffset) { sum += o.Offset })
		if err = ends.Error(); err == nil && sum < 2 {
			err = fmt.Errorf("%d records", sum)
		}
		return err
	})
	w.position(busy, 6)
	w.stop()
	w.start()
	w.position(busy, 6)
	w.position(idle, 6)
	w.running(busy, 1)
	var lines []string
	for _, r := range records(t, busy) {
		lines = append(lines, string(r.Value))
	}
	if !slices.Equal(lines, []string{`"1"`, `"2"`, `"3"`}) {
		t.Errorf("%q", lines)
	}
}

// TestTwoClustersOnOneTopicSet: each finds that somebody outside its group runs its connectors, and says so.
func TestTwoClustersOnOneTopicSet(t *testing.T) {
	c := newCluster(t, nil)
	w := c.add()
	other := newCluster(t, map[string]string{
		"config.storage.topic": c.group + "-configs", "offset.storage.topic": c.group + "-offsets", "status.storage.topic": c.group + "-status",
	})
	x := other.add()
	w.fileSource(c.group+"-file", "1\n")
	process.Await(t, time.Minute, "an error in a log", func() error {
		for _, p := range []*proc{w, x} {
			if strings.Contains(p.log(), "two Connect clusters share their topics") {
				return nil
			}
		}
		return errors.New("none")
	})
}

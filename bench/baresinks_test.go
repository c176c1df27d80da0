//go:build bench

package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"sync"

	"github.com/colinmarc/hdfs/v2"
	"github.com/twmb/franz-go/pkg/kgo"
)

// consume calls each with the topic's first Rows records, in order.
func consume(ctx context.Context, s *bareSpec, each func(*kgo.Record) error) (done bareDone, err error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Kafka), kgo.ConsumeTopics(s.Topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return done, err
	}
	defer cl.Close()
	for done.Records < s.Rows {
		fs := cl.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			return done, err
		}
		for it := fs.RecordIter(); !it.Done() && done.Records < s.Rows; {
			r := it.Next()
			done.Records++
			done.Bytes += int64(len(r.Value))
			if err := each(r); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

// bareElasticsearch is a plain bulk loader: requests of 2 MB, two at a time, which is the fastest on two cores. The documents have the ids
// that a sink gives them.
func bareElasticsearch(ctx context.Context, s *bareSpec) (bareDone, error) {
	const size = 2 << 20
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var posts sync.WaitGroup
	bodies := make(chan []byte)
	for range 2 {
		posts.Go(func() {
			for body := range bodies {
				if err := postBulk(ctx, s.URL, body); err != nil {
					cancel(err) // the others then fail at once, and so does consume
				}
			}
		})
	}
	body := make([]byte, 0, size+64<<10)
	post := func() {
		bodies <- body
		body = make([]byte, 0, cap(body))
	}
	done, err := consume(ctx, s, func(r *kgo.Record) error {
		body = append(body, `{"index":{"_index":"`...)
		body = append(body, s.Table...)
		body = append(body, `","_id":"`...)
		body = append(body, r.Topic...)
		body = append(body, '+')
		body = strconv.AppendInt(body, int64(r.Partition), 10)
		body = append(body, '+')
		body = strconv.AppendInt(body, r.Offset, 10)
		body = append(body, "\"}}\n"...)
		body = append(body, r.Value...)
		body = append(body, '\n')
		if len(body) >= size {
			post()
		}
		return nil
	})
	if len(body) > 0 {
		post()
	}
	close(bodies)
	posts.Wait()
	if failed := context.Cause(ctx); failed != nil {
		err = failed
	}
	return done, err
}

func postBulk(ctx context.Context, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/_bulk?filter_path=errors", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || !bytes.Contains(answer, []byte(`"errors":false`))) {
		err = fmt.Errorf("HTTP %d: %s", resp.StatusCode, answer)
	}
	return err
}

// bareHDFS is a plain writer: the records' bytes as lines, in files of Batch records that are renamed into Path when they are complete.
func bareHDFS(ctx context.Context, s *bareSpec) (bareDone, error) {
	cl, err := hdfs.NewClient(hdfs.ClientOptions{Addresses: []string{s.URL}, User: "hdfs"})
	if err != nil {
		return bareDone{}, err
	}
	defer cl.Close()
	if err := cl.MkdirAll(s.Path, 0o777); err != nil {
		return bareDone{}, err
	}
	tmp := path.Join(path.Dir(s.Path), "tmp-"+path.Base(s.Path))
	var w *hdfs.FileWriter
	var buf []byte
	var first int64
	flush := func() error {
		_, err := w.Write(buf)
		buf = buf[:0]
		return err
	}
	return consume(ctx, s, func(r *kgo.Record) error {
		if w == nil {
			if w, err = cl.Create(tmp); err != nil {
				return err
			}
			first = r.Offset
		}
		buf = append(append(buf, r.Value...), '\n')
		if len(buf) >= 1<<20 {
			if err := flush(); err != nil {
				return err
			}
		}
		if r.Offset-first < int64(s.Batch)-1 {
			return nil
		}
		if err := flush(); err != nil {
			return err
		}
		for err = w.Close(); hdfs.IsErrReplicating(err); {
			err = w.Close()
		}
		w = nil
		if err != nil {
			return err
		}
		return cl.Rename(tmp, path.Join(s.Path, fmt.Sprintf("%s+0+%010d+%010d.json", s.Topic, first, r.Offset)))
	})
}

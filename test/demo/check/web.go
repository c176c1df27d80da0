package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// call sends a request and returns the body; missing is true for 404.
func call(ctx context.Context, method, address, body string) (answer []byte, missing bool, err error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, false, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, false, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("%s %s: %w", method, address, err)
	case resp.StatusCode == http.StatusNotFound:
		return nil, true, nil
	case resp.StatusCode != http.StatusOK:
		return nil, false, fmt.Errorf("%s %s: %s: %.200s", method, address, resp.Status, answer)
	}
	return answer, false, nil
}

// readDocuments returns the documents of an index by id, in canonical form; none if the index does not exist.
func readDocuments(ctx context.Context, es, index string) (map[string]string, error) {
	docs := make(map[string]string)
	if _, missing, err := call(ctx, http.MethodPost, es+"/"+index+"/_refresh", ""); err != nil || missing {
		return docs, err
	}
	answer, missing, err := call(ctx, http.MethodPost, es+"/"+index+"/_search?scroll=1m&size=5000", `{"query":{"match_all":{}}}`)
	for {
		if err != nil || missing {
			return docs, err
		}
		var page struct {
			ScrollID string `json:"_scroll_id"`
			Hits     struct {
				Hits []struct {
					ID     string          `json:"_id"`
					Source json.RawMessage `json:"_source"`
				}
			}
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			return nil, fmt.Errorf("reading index %s: %w", index, err)
		}
		if len(page.Hits.Hits) == 0 {
			_, _, err = call(ctx, http.MethodDelete, es+"/_search/scroll", fmt.Sprintf(`{"scroll_id":%q}`, page.ScrollID))
			return docs, err
		}
		for _, hit := range page.Hits.Hits {
			if docs[hit.ID], err = canonical(hit.Source); err != nil {
				return nil, fmt.Errorf("reading index %s, document %s: %w", index, hit.ID, err)
			}
		}
		answer, missing, err = call(ctx, http.MethodPost, es+"/_search/scroll", fmt.Sprintf(`{"scroll":"1m","scroll_id":%q}`, page.ScrollID))
	}
}

// readFiles returns the lines of a topic's files in HDFS by partition, in the order of the offsets in the files' names
// and in canonical form. Only what the connector committed counts: files that do not bear such a name are left out.
func readFiles(ctx context.Context, hdfs, topic string) (map[int32][]string, error) {
	lines := make(map[int32][]string)
	partitions, err := list(ctx, hdfs, "/topics/"+topic)
	if err != nil {
		return nil, err
	}
	for _, dir := range partitions {
		number, ok := strings.CutPrefix(dir, "partition=")
		if !ok {
			continue
		}
		partition, err := strconv.ParseInt(number, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("reading folder %s of topic %s: %w", dir, topic, err)
		}
		path := "/topics/" + topic + "/" + dir
		names, err := list(ctx, hdfs, path)
		if err != nil {
			return nil, err
		}
		names = slices.DeleteFunc(names, func(name string) bool { _, ok := parseFileName(name); return !ok })
		slices.SortFunc(names, func(a, b string) int {
			x, _ := parseFileName(a)
			y, _ := parseFileName(b)
			return cmp.Compare(x, y)
		})
		for _, name := range names {
			text, missing, err := call(ctx, http.MethodGet, webHDFS(hdfs, path+"/"+name, "OPEN"), "")
			if err != nil {
				return nil, err
			}
			if missing {
				return nil, fmt.Errorf("file %s/%s is gone", path, name)
			}
			for line := range bytes.Lines(text) {
				record, err := canonical(line)
				if err != nil {
					return nil, fmt.Errorf("reading file %s/%s: %w", path, name, err)
				}
				lines[int32(partition)] = append(lines[int32(partition)], record)
			}
		}
	}
	return lines, nil
}

// parseFileName takes "<topic>+<partition>+<first offset>+<last offset>.json" apart.
func parseFileName(name string) (start int64, ok bool) {
	stem, ok := strings.CutSuffix(name, ".json")
	parts := strings.Split(stem, "+")
	if !ok || len(parts) < 4 {
		return 0, false
	}
	start, err := strconv.ParseInt(parts[len(parts)-2], 10, 64)
	return start, err == nil
}

// list returns the names in a folder of HDFS; none if it does not exist.
func list(ctx context.Context, hdfs, path string) ([]string, error) {
	answer, missing, err := call(ctx, http.MethodGet, webHDFS(hdfs, path, "LISTSTATUS"), "")
	if err != nil || missing {
		return nil, err
	}
	var listing struct {
		FileStatuses struct {
			FileStatus []struct {
				PathSuffix string `json:"pathSuffix"`
			}
		}
	}
	if err := json.Unmarshal(answer, &listing); err != nil {
		return nil, fmt.Errorf("listing %s: %w", path, err)
	}
	var names []string
	for _, status := range listing.FileStatuses.FileStatus {
		names = append(names, status.PathSuffix)
	}
	return names, nil
}

// webHDFS makes the address of an operation. A + would be read as a space by the NameNode, so it is escaped.
func webHDFS(hdfs, path, operation string) string {
	escaped := strings.ReplaceAll((&url.URL{Path: path}).EscapedPath(), "+", "%2B")
	return hdfs + "/webhdfs/v1" + escaped + "?op=" + operation + "&user.name=hdfs"
}

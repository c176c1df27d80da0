package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// canonical brings a JSON text into one form: keys sorted, no white space, numbers as they were written.
func canonical(text []byte) (string, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return "", fmt.Errorf("reading JSON %.80q: %w", text, err)
	}
	if decoder.More() {
		return "", fmt.Errorf("reading JSON %.80q: more than one value", text)
	}
	out, err := json.Marshal(v)
	return string(out), err
}

// diffRows compares documents, in canonical form, by id. It names the ids that are missing, left over or different,
// at most limit of each.
func diffRows(rows, docs map[string]string, limit int) []string {
	var missing, different, extra []string
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		switch doc, ok := docs[id]; {
		case !ok:
			missing = append(missing, fmt.Sprintf("id %s: in MySQL, not in Elasticsearch", id))
		case doc != rows[id]:
			different = append(different, fmt.Sprintf("id %s: MySQL %s, Elasticsearch %s", id, rows[id], doc))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(docs)) {
		if _, ok := rows[id]; !ok {
			extra = append(extra, fmt.Sprintf("id %s: in Elasticsearch, not in MySQL", id))
		}
	}
	return slices.Concat(first(missing, limit), first(different, limit), first(extra, limit))
}

// diffRecords compares the records of one partition, in canonical form, with the lines of its files.
func diffRecords(partition int32, records, lines []string, limit int) []string {
	var diffs []string
	if len(records) != len(lines) {
		diffs = append(diffs, fmt.Sprintf("partition %d: %d records in Kafka, %d in HDFS", partition, len(records), len(lines)))
	}
	for i := range min(len(records), len(lines)) {
		if records[i] != lines[i] {
			diffs = append(diffs, fmt.Sprintf("partition %d, record %d: Kafka %s, HDFS %s", partition, i, records[i], lines[i]))
			break // one record too many or too few shifts all that follow
		}
	}
	return first(diffs, limit)
}

func first(s []string, limit int) []string {
	if len(s) <= limit {
		return s
	}
	return append(slices.Clip(s[:limit]), fmt.Sprintf("… and %d more", len(s)-limit))
}

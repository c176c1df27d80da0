// Package row turns MySQL rows into Kafka Connect structs: column → schema → value, one table for the snapshot (text protocol) and the
// stream (binlog row images). TYPES.md lists it.
//
// A [Codec] serves one version of one table (a *history.Table); make a new one when the table changes. Both decoders give equal values
// for equal rows. They write straight into data.Values: no interface boxing, no allocation beyond the [Memory] given.
//
//	c, err := row.New(table, row.Options{KeyName: "p.db.t.Key", ValueName: "p.db.t.Value"})
//	sql := "SELECT " + c.SelectList() + " FROM " + table.ID.Backticked()
//	r, err := c.DecodeText(fields, mem)                              // in ExecuteSelectStreaming's callback
//	r, rest, err := c.DecodeBinlog(body, tableMap, present, row.Row{}, mem) // body: a rows event's row images
//	key := c.Key(r, mem)
//
// # Ownership
//
// DecodeText copies texts and bytes into mem: the client reuses its buffers for the next row. DecodeBinlog aliases body wherever the
// bytes are the value already (utf8 and ascii text, BLOB, BINARY of full length): body must never change while a value of it lives;
// everything else (other character sets, JSON, timestamps, padded binaries) is cut out of mem. Memory is reset only when nobody can reach the values.
//
// A Codec and a Memory belong to one goroutine.
package row

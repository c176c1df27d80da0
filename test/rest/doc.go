// Package rest asks a real connectd process what Kafka Connect 4.3.1 was asked, and compares the answers; and it drives the process with
// REST clients that others wrote. It needs no other system: `connectd dev` brings its own broker. The tests are behind the build tag
// "integration".
//
//   - TestGolden: 160 calls with their answers in rest/testdata.
//   - TestWire: about a thousand calls byte by byte, testdata/wire-calls.jsonl. Add calls there and record the answers with TestRecord from
//     an empty Java worker that has the FileStream connectors alone.
//   - TestClients: drivers in clients/, in Go, Python and Java. clients/need fetches the clients into the cache.
package rest

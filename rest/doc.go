// Package rest is the REST API of Kafka Connect: the same paths, status codes, bodies and error texts
// (org.apache.kafka.connect.runtime.rest), over a Herder.
//
// # Contract
//
// Invariant 1: every worker answers every request. Reads are answered from what this worker knows; a write that another worker has to do
// is forwarded to it, as it came, and its answer is streamed back. A request makes two hops at most (Java: HerderRequestHandler).
//
// Invariant 2: whatever the bytes of a request, the answer is an HTTP status and, from 400 on, a body {"error_code","message"}. Bad input
// is a 4xx; a panic is a 500 and a line in the log.
//
// Invariant 3: a request ends: by the timeout of the operation (Config.Timeout), of its headers or of its body.
//
// Invariant 4: the routes are one table (Routes).
//
// # Unlike Java
//
//   - A body that is empty, no JSON or of the wrong shape, an unknown field, an unknown initial_state and a validation without a known
//     connector class are 400, where Java says 500. Bytes after the JSON are an error, where Java ignores them.
//   - Names with slashes are reachable: /connectors/a%2Fb; Location has them escaped.
//   - What Jetty refuses with a page of HTML (a path with an empty segment or bytes that are no UTF-8) has the body of any other error.
//   - OPTIONS of a client that accepts anything is empty JSON.
//   - While the worker starts, operations are 503 at once, where Java waits.
//   - The topics of a connector are sorted.
//   - PATCH and DELETE of offsets with ?dryRun=true change nothing and tell what they would change.
//   - Bodies over Config.MaxBody are 413.
//   - A signature made with the session key before the last one is accepted.
//   - CORS with the origin * does not allow credentials.
//   - /metrics and /health/live are additions.
package rest

// Package rest replays what Kafka Connect 4.3.1 was asked and answered to a real connectd process, and compares the answers. It needs
// no other system: `connectd dev` brings its own broker. The test is behind the build tag "integration".
package rest

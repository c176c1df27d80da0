// Package casetest runs golden cases of converters: what Kafka Connect's own classes made of bytes and data. Only tests import it.
//
// A case is one line of JSON. Its op "to" gives bytes and expects schema and value, and the bytes they make again; "from" gives data
// and expects bytes; either may expect an error of a stage ("configure", "convert"). See [Case].
package casetest

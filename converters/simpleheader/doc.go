// Package simpleheader is org.apache.kafka.connect.storage.SimpleHeaderConverter, the default header converter: values go out as
// text, and coming in their type is guessed from the text, as org.apache.kafka.connect.data.Values does.
//
// # Contract
//
// Texts are those of Java, byte for byte. Guesses are Java's too, the odd ones included: numbers take the smallest type that holds
// them, an array or map that cannot be read whole is a string, and what follows a number, array or map at the top is ignored
// ("1,2" is 1).
//
// A text that is a string as a whole aliases the input. Schemas made for arrays and maps are shared between headers. Arrays and maps
// nest at most 200 deep; beyond, the header is a string. One task, one goroutine.
//
// # Unlike Java
//
//   - Arrays and maps whose elements have no common type have no schema; Java gives them one without element schema.
//   - Times are UTC, where Java takes the time zone of the worker.
//   - Bytes that are no UTF-8 become U+FFFD one by one.
package simpleheader

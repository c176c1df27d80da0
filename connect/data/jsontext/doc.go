// Package jsontext writes JSON strings as Java's Jackson does: quote, backslash and control characters are escaped, with upper-case hex
// digits; everything else stands as it is. Bytes that are no UTF-8 become U+FFFD, one each.
//
// Jackson has two ways with characters beyond the BMP. [Append] leaves them as they are, as its generator over a Writer does;
// [AppendPairs] escapes them as surrogate pairs, as its generator over bytes does, which Kafka Connect's JsonConverter uses.
package jsontext

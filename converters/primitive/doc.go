// Package primitive holds the converters of Kafka Connect that carry one value in its plain form:
// org.apache.kafka.connect.storage.StringConverter and org.apache.kafka.connect.converters.{ByteArray,Boolean,Short,Integer,Long,
// Float,Double}Converter. Each is a converter of keys, values and headers.
//
// # Contract
//
// Bytes are those of Kafka's serializers: numbers big-endian, texts in the character set of converter.encoding, bytes as they are. A
// null has no bytes. Decode gives the optional schema of the type, whatever the input.
//
// Strings and bytes that need no recoding alias the input of Decode. Converters keep nothing between calls; one task, one goroutine.
//
// # Unlike Java
//
//   - StringConverter writes bytes as base64 (also inside lists, maps and structs), not as "[B@" and an address, and maps in the
//     order of their entries.
//   - Character sets are the six of java.nio.charset.StandardCharsets and their aliases.
//   - Malformed UTF-8 becomes one U+FFFD per byte; Java joins the bytes of a truncated sequence.
package primitive

// Package keystore reads key and trust material as the ssl.* keys of Kafka's Java clients name it, and makes *tls.Config of those keys.
//
// # Stores
//
// [Key] and [Trust] read JKS, PKCS12 and PEM: from a file or, for PEM, from the value itself. JKS and PKCS12 are told apart by what the
// file holds, whichever of the two the type says, as Java does (keystore.type.compat); a store without a type may be PEM as well. PEM
// private keys may be PKCS #8, PKCS #1 or SEC 1, encrypted (PBES2, or OpenSSL's older form) or not, and stand on a single line, as they
// do in properties files. Semantics follow org.apache.kafka.common.security.ssl.DefaultSslEngineFactory.
//
// # Configurations
//
// [Settings] turns the ssl.* keys, prefix cut off, into the config of a client or a server. A key store whose file changes is read
// again at the next handshake: renewed certificates need no restart.
//
// # Errors
//
// What is wrong is a [Problem], which names the key and never quotes a password, a key or the text of a store. Nothing here opens a
// connection or starts a goroutine, and all functions are safe for concurrent use.
package keystore

// Package security holds the tests of whole workers against a Kafka that asks for SSL, SASL or Kerberos, and of https listeners: system
// "secure" of test/bed. They need the build tag integration.
package security

// Package javamap tells the order in which a java.util.HashMap of texts lists its keys: answers, messages and records of Kafka Connect show
// it. All functions are pure.
package javamap

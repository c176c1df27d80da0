// Package mysql lists the MySQL connectors of this project: so far the change data capture source, package cdc. What they share is in
// package server (connections), package history (table definitions) and package row (column → schema → value).
package mysql

// Package server is how this project talks to a MySQL server: one declaration of the connection keys for every MySQL connector, TLS
// as database.ssl.mode says, and the few queries about the server itself (version, binary log position, grants, variables).
//
// A [Conn] belongs to one goroutine, except for [Conn.Abort], which any goroutine may call to unblock it.
//
// Errors never contain the password. [Unreachable] tells those that pass by themselves (server away, connection lost) from those
// that need a change (wrong password, missing grant).
package server

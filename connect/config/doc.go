// Package config declares, reads and explains configs. A key is declared once,
// as a typed Key; from the declaration come the parser (Def.Parse), the answers
// of REST (Def.Keys, Def.Validate) and the manual (Def.WriteMarkdown).
//
//	var (
//		hostname = config.String("database.hostname").Required().Group("Connection", 1).Doc("Address of the MySQL server.")
//		port     = config.Int("database.port", config.Range(1, 65535)).Default(3306).Group("Connection", 2)
//		def      = config.NewDef(hostname, port)
//	)
//
//	v, err := def.Parse(props) // every error at once
//	addr := net.JoinHostPort(hostname.Get(v), strconv.Itoa(int(port.Get(v))))
//
// # Contract
//
// Meaning and messages are those of Kafka's org.apache.kafka.common.config.ConfigDef:
// how each type is parsed, what an error says, how a default is printed. Values
// are read at configuration time; the data path keeps what Get returned.
//
// Invariant 1: a Key changes only through chain methods, before NewDef; Defs
// and Values never change. All three are then safe for concurrent use.
//
// Invariant 2: no text of a Password key reaches an error, a KeyResult, the
// manual or a log, short of Reveal. What checks and parsers given to a Password
// key put into their errors is up to them. Props are plain texts: log
// Def.Redact of them.
//
// Invariant 3: Parse and Validate judge a key alike. Parse reports the first
// error of each key, Validate all that Java reports.
//
// Keys nobody declared are not errors (Values.Unknown, Def.Nearest); plugins
// read pass-through settings by prefix (Values.WithPrefix).
//
// # Unlike Java
//
//   - Null cannot be written: a null in JSON is a key that is not there, so a
//     required key that is null is reported as missing.
//   - A check is not asked about a null default; Java refuses to declare such a key.
//   - A key that is the dependent of several keys is reported once, not once for each.
//   - CLASS values are names of plugins. Without a parser of its own (Key.ParseWith)
//     a Class key takes every name.
//   - Numbers are of ASCII digits; Java takes those of every script.
package config

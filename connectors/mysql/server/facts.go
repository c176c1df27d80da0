package server

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Position is where the binary log stands.
type Position struct {
	File  string
	Pos   uint64
	GTIDs string // gtid_executed, without line breaks; empty without GTIDs
}

// Position reads the end of the binary log.
func (c *Conn) Position(ctx context.Context) (Position, error) {
	// SHOW MASTER STATUS went with 8.4, SHOW BINARY LOG STATUS came with 8.2.
	row, err := c.Row(ctx, "SHOW BINARY LOG STATUS")
	if err != nil && Code(err) == 1064 {
		row, err = c.Row(ctx, "SHOW MASTER STATUS")
	}
	if err != nil {
		return Position{}, err
	}
	if len(row) < 2 {
		return Position{}, fmt.Errorf("the server's binary log is off: set log_bin and restart it")
	}
	pos, err := strconv.ParseUint(row[1], 10, 64)
	if err != nil {
		return Position{}, fmt.Errorf("reading the binary log position %q: %w", row[1], err)
	}
	p := Position{File: row[0], Pos: pos}
	if len(row) > 4 {
		p.GTIDs = oneLine(row[4])
	}
	if c.MariaDB() {
		p.GTIDs, err = c.Global(ctx, "gtid_binlog_pos")
	}
	return p, err
}

// MariaDB tells that the server is none of MySQL.
func (c *Conn) MariaDB() bool { return strings.Contains(strings.ToLower(c.Version()), "mariadb") }

// BinaryLogs lists the binary log files the server still has.
func (c *Conn) BinaryLogs(ctx context.Context) ([]string, error) {
	rows, err := c.Rows(ctx, "SHOW BINARY LOGS")
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(rows))
	for _, r := range rows {
		out = append(out, r[0])
	}
	return out, nil
}

// Global reads a global system variable; empty if the server does not have it.
func (c *Conn) Global(ctx context.Context, name string) (string, error) {
	row, err := c.Row(ctx, "SHOW GLOBAL VARIABLES LIKE '"+strings.ReplaceAll(name, "_", `\_`)+"'")
	if err != nil || len(row) < 2 {
		return "", err
	}
	return oneLine(row[1]), nil
}

// GTIDMode tells whether transactions carry GTIDs.
func (c *Conn) GTIDMode(ctx context.Context) (bool, error) {
	if c.MariaDB() { // always
		return true, nil
	}
	v, err := c.Global(ctx, "gtid_mode")
	return strings.EqualFold(v, "ON"), err
}

// MissingGTIDs answers whether a replica that has executed have can go on: lost are transactions the server had and purged, unknown
// those of have that the server never saw. Both are GTID sets, empty if all is well.
func (c *Conn) MissingGTIDs(ctx context.Context, have string) (lost, unknown string, err error) {
	row, err := c.Row(ctx, fmt.Sprintf("SELECT GTID_SUBTRACT(@@global.gtid_purged, %[1]s), GTID_SUBTRACT(%[1]s, @@global.gtid_executed)",
		Quote(have)))
	if err != nil || len(row) < 2 {
		return "", "", err
	}
	return oneLine(row[0]), oneLine(row[1]), nil
}

// Grants are the privileges the user has, upper case, as SHOW GRANTS lists them; those on *.* and those on part of it.
func (c *Conn) Grants(ctx context.Context) (global, partial map[string]bool, err error) {
	rows, err := c.Rows(ctx, "SHOW GRANTS FOR CURRENT_USER()")
	if err != nil {
		return nil, nil, err
	}
	global, partial = map[string]bool{}, map[string]bool{}
	for _, r := range rows {
		text := strings.ToUpper(r[0])
		list, ok := strings.CutPrefix(text, "GRANT ")
		if !ok {
			continue
		}
		list, on, ok := strings.Cut(list, " ON ")
		if !ok {
			continue // a role: its own grants are not listed
		}
		to := partial
		if strings.HasPrefix(on, "*.*") {
			to = global
		}
		for _, p := range strings.Split(list, ",") {
			to[strings.TrimSpace(p)] = true
		}
	}
	return global, partial, nil
}

// Quote makes a string literal of s.
func Quote(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", "''") + "'"
}

// Backtick makes an identifier of s.
func Backtick(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }

func oneLine(s string) string { return strings.NewReplacer("\n", "", "\r", "").Replace(s) }

package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// statement is one of a new session; user: it is the user's, number of so many, and may hold a secret.
type statement struct {
	text string
	user int
}

// opening are the statements of a new session. Its values are read as UTC and utf8mb4, whatever the server's defaults are, and also after the
// user's statements, or TIMESTAMPs of a snapshot would differ from those of the stream.
func opening(initial []string) []statement {
	own := []statement{{text: "SET NAMES utf8mb4"}, {text: "SET time_zone = '+00:00'"}}
	if len(initial) == 0 {
		return own
	}
	out := own
	for i, q := range initial {
		out = append(out, statement{q, i + 1})
	}
	return append(append(out, own...), statement{text: "SET autocommit = 1, sql_quote_show_create = 1"})
}

// disturbing are the modes (sql_mode) under which values or answers are others: CHAR that is padded, strings without escapes, empty strings that
// are NULL, definitions that leave out what other servers do not know, as with MariaDB's modes after other databases.
var disturbing = []string{
	"PAD_CHAR_TO_FULL_LENGTH", "NO_BACKSLASH_ESCAPES", "EMPTY_STRING_IS_NULL", "EMPTY_STRING_AS_NULL", "NO_KEY_OPTIONS", "NO_TABLE_OPTIONS", "NO_FIELD_OPTIONS",
	"ORACLE", "MSSQL", "DB2", "MAXDB", "POSTGRESQL", "MYSQL323", "MYSQL40", "ANSI",
}

const ansiQuotes = "ANSI_QUOTES"

// without takes modes out of a list as @@sql_mode has it.
func without(list string, modes ...string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(list, ","), func(m string) bool { return slices.Contains(modes, strings.ToUpper(m)) }), ",")
}

// settle takes the disturbing modes out of the session. ANSI_QUOTES stays, since queries of the user's config may be written for it.
func (c *Conn) settle() error {
	r, err := c.c.Execute("SELECT @@sql_mode")
	if err != nil {
		return fmt.Errorf("reading sql_mode: %w", Cause(err))
	}
	defer r.Close()
	modes, err := r.GetString(0, 0)
	if err != nil {
		return fmt.Errorf("reading sql_mode: %w", err)
	}
	c.modes = without(strings.Clone(modes), disturbing...)
	if c.modes == modes {
		return nil
	}
	if _, err := c.c.Execute("SET sql_mode = " + Quote(c.modes)); err != nil {
		return fmt.Errorf("setting sql_mode: %w", Cause(err))
	}
	return nil
}

// ShowCreate is the definition of a table, its names in backticks. name is quoted already.
func (c *Conn) ShowCreate(ctx context.Context, name string) (string, error) {
	if plain := without(c.modes, ansiQuotes); plain != c.modes {
		if err := c.Exec(ctx, "SET sql_mode = "+Quote(plain)); err != nil {
			return "", err
		}
		defer func() {
			if err := c.Exec(ctx, "SET sql_mode = "+Quote(c.modes)); err != nil {
				c.Abort() // nobody goes on in a mode that is not the user's
			}
		}()
	}
	row, err := c.Row(ctx, "SHOW CREATE TABLE "+name)
	if err != nil {
		return "", err
	}
	if len(row) < 2 {
		return "", fmt.Errorf("SHOW CREATE TABLE %s answered nothing", name)
	}
	return row[1], nil
}

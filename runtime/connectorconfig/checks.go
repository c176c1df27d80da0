package connectorconfig

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/plugin"
)

func uniqueAliases(list []string) error {
	seen := map[string]struct{}{}
	for _, a := range list {
		if _, again := seen[a]; again {
			return errors.New("Duplicate alias provided.")
		}
		seen[a] = struct{}{}
	}
	return nil
}

func notNegative(n int64) error {
	if n < 0 {
		return errors.New("Value must be at least 0")
	}
	return nil
}

// versionRange is the PluginVersionValidator. Java throws Maven's message as it is.
func versionRange(r string) error {
	if _, err := plugin.ParseRange(r); err != nil {
		return config.Verbatim(err.Error())
	}
	return nil
}

// CompileTopicsRegex compiles topics.regex. It must match the whole name, as Java's Pattern.matches.
func CompileTopicsRegex(s string) (*regexp.Regexp, error) { return regexp.Compile(`^(?:` + s + `)$`) }

func validRegex(s string) error {
	_, err := regexp.Compile(s)
	if err == nil {
		return nil
	}
	return errors.New("Invalid regex: " + regexProblem(s, err))
}

// regexProblem says what Java's PatternSyntaxException says of the mistakes people make; for the others, what Go says.
func regexProblem(s string, err error) string {
	se, ok := errors.AsType[*syntax.Error](err)
	if !ok {
		return err.Error()
	}
	at := func(what string, i int) string {
		return what + " near index " + strconv.Itoa(i) + "\n" + s + "\n" + strings.Repeat(" ", i) + "^"
	}
	switch se.Code {
	case syntax.ErrMissingBracket:
		return at("Unclosed character class", len(s)-1)
	case syntax.ErrMissingRepeatArgument:
		i := strings.Index(s, se.Expr)
		if i <= 0 {
			return at("Dangling meta character '"+se.Expr[:1]+"'", 0)
		}
	case syntax.ErrMissingParen:
		return "Unclosed group near index " + strconv.Itoa(len(s)) + "\n" + s
	}
	if strings.Contains(se.Expr, "(?") || strings.HasPrefix(se.Expr, `\`) {
		return se.Error() + " (lookaround and back references are not supported)"
	}
	return se.Error()
}

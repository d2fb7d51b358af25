package migrate

import (
	"errors"
	"strings"
)

// ErrQuote says that a command line ends inside of quotes.
var ErrQuote = errors.New("the flags end inside of quotes")

// Split divides a command line as a shell does: at blanks, but for those in
// quotes or behind a backslash. A backslash at the end of a line joins it with
// the next, as in unit files.
func Split(line string) ([]string, error) {
	var out []string
	var word strings.Builder
	begun, quote := false, rune(0)
	escaped := false
	for _, c := range line {
		switch {
		case escaped:
			escaped = false
			if c != '\n' {
				word.WriteRune(c)
				begun = true
			}
		case c == '\\' && quote != '\'':
			escaped = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, begun = c, true
		case quote == 0 && (c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			if begun {
				out = append(out, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	if begun {
		out = append(out, word.String())
	}
	if quote != 0 {
		return out, ErrQuote
	}
	return out, nil
}

// dropProgram drops what stands before the first flag: the program, an ExecStart=.
func dropProgram(args []string) []string {
	for i, a := range args {
		if strings.HasPrefix(a, "-") {
			return args[i:]
		}
	}
	return nil
}

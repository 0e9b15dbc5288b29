package build

import (
	"strings"
	"unicode/utf8"

	"github.com/cloister-dev/cloister"
)

// maxProcfile is the size of the largest Procfile that is read.
const maxProcfile = 64 << 10

// ParseProcfile reads a Procfile: lines of "<process type>: <command>". Empty lines and lines that start with # are
// skipped. Anything else is an error that names the line: a typing mistake in a Procfile should stop a deploy, and
// not leave a process type out without a word.
func ParseProcfile(text string, max int) (map[string]string, error) {
	if len(text) > maxProcfile {
		return nil, cloister.Errorf(cloister.Invalid, "The Procfile is larger than %d bytes.", maxProcfile)
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, cloister.Errorf(cloister.Invalid, "The Procfile is not text in UTF-8.")
	}
	types, lineOf := map[string]string{}, map[string]int{}
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, command, found := strings.Cut(line, ":")
		command = strings.TrimSpace(command)
		switch {
		case !found:
			return nil, cloister.Errorf(cloister.Invalid, "Procfile, line %d: %s has no colon. Write \"<process type>: <command>\".", n, quoteShort(line))
		case cloister.ValidProcessType(name) != nil:
			return nil, cloister.Errorf(cloister.Invalid, "Procfile, line %d: %s is no process type. A type has letters, digits, dashes and underscores, and the colon follows at once.", n, quoteShort(name))
		case command == "":
			return nil, cloister.Errorf(cloister.Invalid, "Procfile, line %d: process type %s has no command.", n, name)
		case lineOf[name] != 0:
			return nil, cloister.Errorf(cloister.Invalid, "Procfile, line %d: process type %s is declared already in line %d.", n, name, lineOf[name])
		}
		types[name], lineOf[name] = command, n
	}
	if len(types) > max {
		return nil, cloister.Errorf(cloister.Invalid, "The Procfile declares %d process types, and the limit is %d. Declare fewer, or ask an operator of this installation to raise it: `cloister limits:set %s=%d`.", len(types), max, cloister.LimitProcessTypes, len(types))
	}
	return types, nil
}

// quoteShort quotes what somebody wrote, cut to a length that fits into a line.
func quoteShort(s string) string {
	if r := []rune(s); len(r) > 40 {
		s = string(r[:40]) + "…"
	}
	return "\"" + s + "\""
}

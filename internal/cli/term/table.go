package term

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Table prints rows under their headings; without headings, only the rows.
func (t *Terminal) Table(headings []string, rows [][]string) {
	all := rows
	if headings != nil {
		rule := make([]string, len(headings))
		for i, h := range headings {
			n := width(h)
			for _, r := range rows {
				n = max(n, width(r[i]))
			}
			rule[i] = strings.Repeat("─", n)
		}
		bold := make([]string, len(headings))
		for i, h := range headings {
			bold[i] = t.Bold(h)
		}
		all = append([][]string{bold, rule}, rows...)
	}
	var widths []int
	for _, r := range all {
		for i, c := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(c))
		}
	}
	for _, r := range all {
		var b strings.Builder
		for i, c := range r {
			b.WriteString(c)
			if i < len(r)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-width(c)+2))
			}
		}
		fmt.Fprintln(t.Out, strings.TrimRight(b.String(), " "))
	}
}

// A Field is one line of an object: "Team: acme". Each value after the first has a line of its own; a Field without
// values is not printed.
type Field struct {
	Key    string
	Values []string
}

// F makes a Field of the values that are not empty.
func F(key string, values ...string) Field {
	f := Field{Key: key}
	for _, v := range values {
		if v != "" {
			f.Values = append(f.Values, v)
		}
	}
	return f
}

// Object prints fields below each other, their values aligned.
func (t *Terminal) Object(fields ...Field) {
	n := 0
	for _, f := range fields {
		if len(f.Values) > 0 {
			n = max(n, width(f.Key)+2)
		}
	}
	for _, f := range fields {
		for i, v := range f.Values {
			head := ""
			if i == 0 {
				head = t.Bold(f.Key) + ":"
			}
			fmt.Fprintln(t.Out, head+strings.Repeat(" ", n-width(head))+v)
		}
	}
}

// width is the number of columns that s takes: its characters, without colours.
func width(s string) int {
	n, colour := 0, false
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		switch {
		case colour:
			colour = r != 'm'
		case r == '\x1b':
			colour = true
		default:
			n++
		}
	}
	return n
}

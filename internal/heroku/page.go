package heroku

import (
	"fmt"
	"strconv"
	"strings"
)

// A Range asks for a part of a list, in the words of the Range header: "version ..; order=desc, max=1". The zero value
// asks for what the server gives by itself.
type Range struct {
	Field     string // "id", "name", "version", "email", …
	First     string // "" is the beginning
	Last      string // "" is the end
	After     bool   // First itself is not wanted
	Before    bool   // Last itself is not wanted
	Max       int    // 0 is the server's default
	Ascending bool   // order=asc was said
	Desc      bool   // order=desc was said
}

// Latest asks for the n highest values of field, highest first.
func Latest(field string, n int) Range { return Range{Field: field, Desc: true, Max: n} }

// ParseRange reads a Range header as clients write it, with or without blanks and a last semicolon. "" is the zero
// Range.
func ParseRange(s string) (Range, error) {
	var r Range
	span, params, _ := strings.Cut(s, ";")
	span = strings.TrimSpace(span)
	if span != "" {
		field, bounds, _ := strings.Cut(span, " ")
		first, last, ok := strings.Cut(strings.TrimSpace(bounds), "..")
		if !ok && bounds != "" {
			return Range{}, fmt.Errorf("range %q has no '..'", s)
		}
		r.Field = field
		r.First, r.After = strings.CutPrefix(strings.TrimSpace(first), "]")
		r.Last, r.Before = strings.CutSuffix(strings.TrimSpace(last), "[")
		if strings.HasSuffix(r.First, ".") || strings.HasPrefix(r.Last, ".") {
			return Range{}, fmt.Errorf("range %q: where a bound ends and another begins is not clear", s)
		}
	}
	for p := range strings.FieldsFuncSeq(params, func(c rune) bool { return c == ',' || c == ';' }) {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		switch k {
		case "", "offset": // accepted by Heroku, used by no client we know
		case "max":
			n, err := strconv.Atoi(v)
			if err != nil || n < 1 {
				return Range{}, fmt.Errorf("range %q: max must be a positive number", s)
			}
			r.Max = n
		case "order":
			r.Ascending, r.Desc = v == "asc", v == "desc"
			if !r.Ascending && !r.Desc {
				return Range{}, fmt.Errorf("range %q: order must be asc or desc", s)
			}
		default:
			return Range{}, fmt.Errorf("range %q: %s is not known", s, k)
		}
	}
	return r, nil
}

// String is the header's value; "" for the zero Range.
func (r Range) String() string {
	if r == (Range{}) {
		return ""
	}
	var b strings.Builder
	b.WriteString(r.Field + " ")
	if r.After {
		b.WriteString("]")
	}
	b.WriteString(r.First + ".." + r.Last)
	if r.Before {
		b.WriteString("[")
	}
	var params []string
	if r.Desc {
		params = append(params, "order=desc")
	} else if r.Ascending {
		params = append(params, "order=asc")
	}
	if r.Max > 0 {
		params = append(params, "max="+strconv.Itoa(r.Max))
	}
	if len(params) > 0 {
		b.WriteString("; " + strings.Join(params, ", "))
	}
	return b.String()
}

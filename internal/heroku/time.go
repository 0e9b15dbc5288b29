package heroku

import "time"

// A Time is a moment as the API writes it: RFC 3339, in UTC, to the second. The zero Time is null on the wire, in both
// directions, so a nullable field needs no pointer.
type Time struct{ time.Time }

// At is t as the wire has it.
func At(t time.Time) Time { return Time{t} }

// MarshalJSON writes the second that t is in, or null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + t.Text() + `"`), nil
}

// UnmarshalJSON reads RFC 3339; null and "" are the zero Time.
func (t *Time) UnmarshalJSON(b []byte) error {
	if s := string(b); s == "null" || s == `""` {
		*t = Time{}
		return nil
	}
	return t.Time.UnmarshalJSON(b)
}

// Text is t as the clients print it: "2024-01-02T03:04:05Z".
func (t Time) Text() string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

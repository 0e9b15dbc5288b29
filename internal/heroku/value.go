package heroku

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// A Named is how one object of the API points at another.
type Named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// An ID is a relation of which only the id is told.
type ID struct {
	ID string `json:"id"`
}

// A Person is how an object points at an account.
type Person struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

// A List is an array that is [] when it is empty, never null: clients call methods on it without looking.
type List[T any] []T

// MarshalJSON writes an array.
func (l List[T]) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("[]"), nil
	}
	return json.Marshal([]T(l))
}

// A Ref is how a request names an object: by a string, or by an object with an id or a name, as clients please. It is
// sent as a string. null and {} are "".
type Ref string

// UnmarshalJSON reads "x", {"id": "x"}, {"name": "x"} and {"email": "x"}.
func (r *Ref) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] != '{' {
		return json.Unmarshal(b, (*string)(r))
	}
	var o struct{ ID, Name, Email string }
	if err := json.Unmarshal(b, &o); err != nil {
		return err
	}
	switch {
	case o.ID != "":
		*r = Ref(o.ID)
	case o.Name != "":
		*r = Ref(o.Name)
	default:
		*r = Ref(o.Email)
	}
	return nil
}

// A Quantity is how many dynos a request wants: a number, or a change ("+1", "-1") to the number there is.
type Quantity struct {
	N        int
	Relative bool
}

// ParseQuantity reads "2", "+1" or "-1".
func ParseQuantity(s string) (Quantity, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return Quantity{}, fmt.Errorf("quantity %q is not a number", s)
	}
	return Quantity{N: n, Relative: s[0] == '+' || s[0] == '-'}, nil
}

// Of is the number of dynos that q asks for when there are now dynos: never less than none.
func (q Quantity) Of(now int) int {
	if q.Relative {
		return max(0, now+q.N)
	}
	return q.N
}

func (q Quantity) String() string {
	if q.Relative {
		return fmt.Sprintf("%+d", q.N)
	}
	return strconv.Itoa(q.N)
}

// MarshalJSON writes a number where it can, since the schema knows only numbers.
func (q Quantity) MarshalJSON() ([]byte, error) {
	if q.Relative {
		return []byte(strconv.Quote(q.String())), nil
	}
	return []byte(q.String()), nil
}

// UnmarshalJSON reads 2, "2", "+1" and "-1". A bare -1 is refused: a number is absolute.
func (q *Quantity) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	v, err := ParseQuantity(s)
	if err != nil {
		return err
	}
	if v.Relative && b[0] != '"' {
		return fmt.Errorf("quantity %s is negative", s)
	}
	*q = v
	return nil
}

// An Int is a number that some clients send as a string: expires_in comes from a command line flag as it was typed.
type Int int

// UnmarshalJSON reads 60 and "60".
func (n *Int) UnmarshalJSON(b []byte) error {
	b = bytes.Trim(b, `"`)
	if string(b) == "null" || len(b) == 0 {
		return nil
	}
	v, err := strconv.Atoi(string(b))
	if err != nil {
		return fmt.Errorf("%q is not a whole number", b)
	}
	*n = Int(v)
	return nil
}

// An Env is a set of environment variables. Clients send COLUMNS and LINES as numbers; they arrive as text.
type Env map[string]string

// UnmarshalJSON reads an object of strings, numbers and booleans.
func (e *Env) UnmarshalJSON(b []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil || raw == nil {
		return err
	}
	*e = make(Env, len(raw))
	for k, v := range raw {
		switch v[0] {
		case '"':
			var s string
			if err := json.Unmarshal(v, &s); err != nil {
				return err
			}
			(*e)[k] = s
		case '{', '[':
			return fmt.Errorf("%s is not text", k)
		case 'n':
		default:
			(*e)[k] = string(v)
		}
	}
	return nil
}

// A Map is an object of strings that is {} when it is empty, never null.
type Map map[string]string

// MarshalJSON writes an object.
func (m Map) MarshalJSON() ([]byte, error) {
	if m == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(map[string]string(m))
}

// Pointer returns a pointer to v, for the optional fields of requests.
func Pointer[T any](v T) *T { return &v }

package store

import (
	"testing"
)

// Nothing in the store asks a query inside the loop over its own rows; a statement must bear it all the same.
func TestAQueryInsideTheLoopOverItsOwnRows(t *testing.T) {
	s, err := Open(t.Context(), Config{DSN: ":memory:", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const query = `SELECT kind FROM work ORDER BY kind`
	if err := s.Update(t.Context(), func(tx *Tx) error {
		for _, kind := range []string{"a", "b", "c"} {
			if err := tx.Touch(kind, "x"); err != nil {
				return err
			}
		}
		seen := ""
		_, err := many(tx, func(tx *Tx, r row) (struct{}, error) {
			outer, err := value[string](tx, r)
			if err != nil {
				return struct{}{}, err
			}
			inner, err := many(tx, value[string], query)
			for _, k := range inner {
				seen += outer + k + " "
			}
			return struct{}{}, err
		}, query)
		if want := "aa ab ac ba bb bc ca cb cc "; seen != want {
			t.Errorf("got %q, want %q", seen, want)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

package store

import (
	"slices"
	"testing"
)

// A copy is put back table by table: each must come behind those that it refers to, and have the columns that it has in the
// database.
func TestTablesComeInTheOrderOfTheirReferences(t *testing.T) {
	s, err := Open(t.Context(), Config{DSN: ":memory:", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list := func(query string, args ...any) (out []string) {
		t.Helper()
		rows, err := s.write.QueryContext(t.Context(), query, args...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var v string
			if err := rows.Scan(&v); err != nil {
				t.Fatal(err)
			}
			out = append(out, v)
		}
		return out
	}
	seen := []string{}
	for _, table := range tables {
		for _, other := range list(`SELECT "table" FROM pragma_foreign_key_list($1)`, table.name) {
			if !slices.Contains(seen, other) {
				t.Errorf("%s comes before %s, to which it refers", table.name, other)
			}
		}
		columns := list(`SELECT name FROM pragma_table_info($1)`, table.name)
		for _, c := range columns {
			if table.types[c] == "" {
				t.Errorf("%s has a column %s of which the copy knows nothing", table.name, c)
			}
		}
		if len(columns) != len(table.types) {
			t.Errorf("%s has the columns %v, and not %v", table.name, columns, table.types)
		}
		seen = append(seen, table.name)
	}
	all := list(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'goose_db_version'`)
	slices.Sort(all)
	slices.Sort(seen)
	if !slices.Equal(seen, all) {
		t.Errorf("the tables are %v, and not %v", all, seen)
	}
}

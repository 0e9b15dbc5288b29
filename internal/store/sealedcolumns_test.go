package store

import (
	"slices"
	"testing"
)

func TestEveryColumnOfSecretsIsSealedAnew(t *testing.T) {
	n := 0
	for _, table := range tables {
		for column, typ := range table.types {
			if typ != "BYTEA" { // which all sealed columns are, and no others
				continue
			}
			n++
			if !slices.ContainsFunc(sealedColumns, func(c struct{ table, keys, column string }) bool { return c.table == table.name && c.column == column }) {
				t.Errorf("%s of %s keeps its old seal when the key is replaced", column, table.name)
			}
		}
	}
	if n != len(sealedColumns) {
		t.Errorf("%d columns are sealed, and %d are sealed anew", n, len(sealedColumns))
	}
}

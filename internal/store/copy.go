package store

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
)

// A copy of a store is lines of JSON: a copyHead, and then a copyRow for each row, table by table, so that what a row refers
// to has come before it. It is the same for both databases, and sealed columns stay sealed.
type (
	copyHead struct {
		Schema int64 `json:"schema"` // number of the last migration
	}
	copyRow struct {
		Table  string         `json:"table"`
		Values map[string]any `json:"values"` // by column; a time is in RFC 3339, bytes are in base64
	}
)

// CopyTo writes all that is in the store, as it is at one moment.
func (s *Store) CopyTo(ctx context.Context, w io.Writer) error {
	p, err := s.migrations()
	if err != nil {
		return err
	}
	version, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("copy the store: %w", err)
	}
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	err = s.View(ctx, func(tx *Tx) error {
		if err := lines.Encode(copyHead{Schema: version}); err != nil {
			return err
		}
		for _, t := range tables {
			if err := tx.copyTable(t.name, lines); err != nil {
				return fmt.Errorf("table %s: %w", t.name, err)
			}
		}
		return nil
	})
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("copy the store: %w", err)
	}
	return nil
}

// A table of the schema, with the types of its columns.
type table struct {
	name   string
	types  map[string]string
	refers []string // to tables that must be filled before
}

// tables are those of the schema, each behind those that it refers to: read from the migrations, which have a form for it.
var tables = inOrder(readTables())

func readTables() (out []table) {
	files, _ := fs.Glob(schema, "schema/*.sql") // sorted
	for _, file := range files {
		text, _ := fs.ReadFile(schema, file)
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			i, column := len(out)-1, 0
			switch {
			case strings.HasPrefix(line, "CREATE TABLE "):
				out = append(out, table{name: f[2], types: map[string]string{}})
				continue
			case strings.HasPrefix(line, "ALTER TABLE "): // … ADD COLUMN name TYPE
				i, column = slices.IndexFunc(out, func(t table) bool { return t.name == f[2] }), 5
			case !strings.HasPrefix(line, "  ") || len(f) < 2 || f[0] != strings.ToLower(f[0]):
				continue
			}
			out[i].types[f[column]] = strings.Trim(f[column+1], ",;")
			if r := slices.Index(f, "REFERENCES"); r >= 0 && f[r+1] != out[i].name {
				out[i].refers = append(out[i].refers, f[r+1])
			}
		}
	}
	return out
}

// inOrder puts tables behind those that they refer to, and otherwise leaves them as they are.
func inOrder(all []table) (out []table) {
	placed := map[string]bool{}
	for len(out) < len(all) {
		before := len(out)
		for _, t := range all {
			if !placed[t.name] && !slices.ContainsFunc(t.refers, func(r string) bool { return !placed[r] }) {
				placed[t.name] = true
				out = append(out, t)
			}
		}
		if len(out) == before {
			panic("the tables of the schema refer to each other in a circle")
		}
	}
	return out
}

func (tx *Tx) copyTable(table string, to *json.Encoder) error {
	rows, err := tx.tx.QueryContext(tx.ctx, `SELECT * FROM `+table)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		row := copyRow{Table: table, Values: make(map[string]any, len(columns))}
		for i, c := range columns {
			row.Values[c] = values[i]
		}
		if err := to.Encode(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Restore fills a database that has nothing in it with a copy, and brings its schema up to date. The key that Open takes later
// must be that of the store that was copied.
func Restore(ctx context.Context, c Config, r io.Reader) error {
	s := &Store{now: time.Now}
	if err := s.connect(c.DSN); err != nil {
		return fmt.Errorf("restore the store: %w", err)
	}
	err := errors.Join(s.fill(ctx, json.NewDecoder(bufio.NewReader(r))), s.Close())
	if err != nil {
		return fmt.Errorf("restore the store: %w", err)
	}
	return nil
}

var errNotEmpty = cloister.Errorf(cloister.Conflict, "The database is not empty. Restore into a new one.")

// Empty refuses a database that Restore would refuse. It makes none.
func Empty(ctx context.Context, c Config) error {
	if _, err := os.Stat(c.DSN); errors.Is(err, fs.ErrNotExist) && !isPostgres(c.DSN) {
		return nil
	}
	s := &Store{now: time.Now}
	if err := s.connect(c.DSN); err != nil {
		return err
	}
	defer s.Close()
	p, err := s.migrations()
	if err != nil {
		return err
	}
	if has, err := p.GetDBVersion(ctx); err != nil || has == 0 {
		return err
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return unused(ctx, tx)
}

// unused refuses a database that has users: without any, it is what a restoration that failed has left.
func unused(ctx context.Context, tx *sql.Tx) error {
	users := 0
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM users`).Scan(&users)
	if err == nil && users > 0 {
		err = errNotEmpty
	}
	return err
}

func (s *Store) fill(ctx context.Context, from *json.Decoder) error {
	from.UseNumber() // or large numbers would be rounded
	p, err := s.migrations()
	if err != nil {
		return err
	}
	has, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	var head copyHead
	if err := from.Decode(&head); err != nil {
		return err
	}
	known := p.ListSources()
	if newest := known[len(known)-1].Version; head.Schema < 1 || head.Schema > newest {
		return cloister.Errorf(cloister.Unsupported, "The copy has the schema %d, of which this version, which has %d, knows nothing. Use a newer one.", head.Schema, newest)
	}
	if has > head.Schema {
		return errNotEmpty
	}
	if _, err := p.UpTo(ctx, head.Schema); err != nil {
		return err
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := unused(ctx, tx); err != nil {
		return err
	}
	for {
		var row copyRow
		err := from.Decode(&row)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = insert(ctx, tx, row)
		}
		if err != nil {
			return fmt.Errorf("table %s: %w", row.Table, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// insert puts a row of a copy into its table. What is no name of the schema never becomes part of a query.
func insert(ctx context.Context, tx *sql.Tx, row copyRow) error {
	i := slices.IndexFunc(tables, func(t table) bool { return t.name == row.Table })
	if i < 0 {
		return fmt.Errorf("there is no such table")
	}
	var columns, marks []string
	var values []any
	for c, v := range row.Values {
		t, ok := tables[i].types[c]
		if !ok {
			return fmt.Errorf("there is no column %q", c)
		}
		x, err := decodeValue(t, v)
		if err != nil {
			return fmt.Errorf("column %s: %w", c, err)
		}
		columns, values = append(columns, c), append(values, x)
		marks = append(marks, fmt.Sprintf("$%d", len(values)))
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO `+row.Table+` (`+strings.Join(columns, ", ")+`) VALUES (`+strings.Join(marks, ", ")+`)`, values...)
	return err
}

// decodeValue is a value of a copy as a column of a type takes it.
func decodeValue(typ string, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	text, isText := v.(string)
	switch typ {
	case "BYTEA":
		var b []byte
		err := json.Unmarshal([]byte(doc(text)), &b)
		return b, err
	case "TIMESTAMP":
		t, err := time.Parse(time.RFC3339Nano, text)
		return at(t), err
	case "BOOLEAN":
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return v == json.Number("1"), nil
	case "BIGINT":
		if n, ok := v.(json.Number); ok {
			return n.Int64()
		}
	case "TEXT":
		if isText {
			return text, nil
		}
	}
	return nil, fmt.Errorf("%v is no %s", v, typ)
}

package store

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"timbre/internal/sqldb"
)

// Rows leave one database and enter another in the same way for a backup and
// for a move to PostgreSQL: table after table, as values that both databases
// know (nil, bool, int64 and string).

var (
	up      = regexp.MustCompile(`(?s)-- \+goose Up\n(.*?)(-- \+goose Down|$)`)
	created = regexp.MustCompile(`(?m)^CREATE TABLE (\w+)`)
)

// tablesOf returns the tables that the migrations make, each behind those that
// it refers to.
func tablesOf(migrations fs.FS) ([]string, error) {
	names, err := fs.Glob(migrations, "*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []string
	for _, name := range names {
		text, err := fs.ReadFile(migrations, name)
		if err != nil {
			return nil, err
		}
		for _, part := range up.FindAllStringSubmatch(string(text), -1) {
			for _, table := range created.FindAllStringSubmatch(part[1], -1) {
				all = append(all, table[1])
			}
		}
	}
	return all, nil
}

// versionOf returns the number in the name of a migration, 0 where it has none.
func versionOf(name string) int64 {
	digits, _, _ := strings.Cut(path.Base(name), "_")
	n, _ := strconv.ParseInt(digits, 10, 64)
	return n
}

// schemaOf returns the number of the last migration.
func schemaOf(migrations fs.FS) (last int64, err error) {
	names, err := fs.Glob(migrations, "*.sql")
	for _, name := range names {
		last = max(last, versionOf(name))
	}
	return last, err
}

// until is the migrations up to a version: the schema as it once was.
type until struct {
	fs.FS
	version int64
}

// ReadDir leaves out the later migrations.
func (u until) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(u.FS, name)
	return slices.DeleteFunc(all, func(d fs.DirEntry) bool { return versionOf(d.Name()) > u.version }), err
}

// eachRow hands the rows of a table, in no order, to row.
func eachRow(tx *sqldb.Tx, table string, row func(columns []string, values []any) error) error {
	rows, err := tx.Query("SELECT * FROM " + table)
	if err != nil {
		return fmt.Errorf("reading table %s: %w", table, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return fmt.Errorf("reading table %s: %w", table, err)
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("reading table %s: %w", table, err)
		}
		for i, v := range values {
			if values[i], err = portable(v); err != nil {
				return fmt.Errorf("reading table %s: column %s: %w", table, columns[i], err)
			}
		}
		if err := row(columns, values); err != nil {
			return err
		}
	}
	return rows.Err()
}

// portable returns a value as both databases take it. Text that PostgreSQL would
// refuse loses what it refuses.
func portable(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, int64:
		return v, nil
	case []byte:
		return portable(string(v))
	case string:
		return strings.ReplaceAll(strings.ToValidUTF8(v, "\ufffd"), "\x00", ""), nil
	}
	return nil, fmt.Errorf("a value of type %T", v)
}

// maxInsert bounds how many rows one statement inserts.
const maxInsert = 100

// An inserter puts rows into one table.
type inserter struct {
	tx      *sqldb.Tx
	table   string
	columns []string
	values  []any // of the rows that wait
}

// add inserts a row, now or with others at flush.
func (in *inserter) add(values []any) error {
	if len(values) != len(in.columns) {
		return fmt.Errorf("table %s: a row of %d values for %d columns", in.table, len(values), len(in.columns))
	}
	in.values = append(in.values, values...)
	if len(in.values) < maxInsert*len(in.columns) {
		return nil
	}
	return in.flush()
}

// flush inserts the rows that wait.
func (in *inserter) flush() error {
	if len(in.values) == 0 {
		return nil
	}
	width := len(in.columns)
	var rows []string
	for from := 1; from <= len(in.values); from += width {
		rows = append(rows, "("+sqldb.Placeholders(from, width)+")")
	}
	_, err := in.tx.Exec("INSERT INTO "+in.table+" ("+strings.Join(in.columns, ", ")+") VALUES "+strings.Join(rows, ", "), in.values...)
	in.values = in.values[:0]
	if err != nil {
		return fmt.Errorf("writing table %s: %w", in.table, err)
	}
	return nil
}

// emptyTables removes the rows of all tables, which are in the order of tablesOf.
func emptyTables(tx *sqldb.Tx, tables []string) error {
	for _, table := range slices.Backward(tables) {
		if _, err := tx.Exec("DELETE FROM " + table); err != nil {
			return fmt.Errorf("emptying table %s: %w", table, err)
		}
	}
	return nil
}

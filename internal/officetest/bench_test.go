package officetest_test

import (
	"strings"
	"testing"
	"time"

	"timbre/internal/officetest"
)

// What is measured on a quiet machine must work on any. The figures of so short
// a log say nothing.
func TestBenchOfTheSync(t *testing.T) {
	t.Parallel()
	ctx := limit(t, 5*time.Minute)
	var table strings.Builder
	err := officetest.Bench(ctx, officetest.BenchOptions{Bin: bin, Only: []string{"delta", "mirror"}, Rows: []int{600, 1200}}, &table)
	if err != nil {
		t.Fatalf("%v\n%s", err, table.String())
	}
	for _, want := range []string{
		"sync after 0 changes, 1,200 rows, SQLite", "sync after 500 changes, 1,200 rows, PostgreSQL", "first page with the total, 1,200 rows, PostgreSQL",
		"backfill of 600 calls of 600 rows, SQLite", "backfill of 1,200 calls of 1,200 rows, PostgreSQL",
		"the client's search, 1,200 calls", "CSV of 600 calls", "the client's database, 1,200 calls",
	} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("%q is missing in\n%s", want, table.String())
		}
	}
}

func TestBenchKnowsItsParts(t *testing.T) {
	err := officetest.Bench(t.Context(), officetest.BenchOptions{Only: []string{"delta", "nothing"}}, &strings.Builder{})
	if err == nil || !strings.Contains(err.Error(), "delta") {
		t.Errorf("got %v", err)
	}
}

package officetest_test

import (
	"testing"
	"time"

	"timbre/internal/officetest"
)

func TestDemo(t *testing.T) {
	t.Parallel()
	if err := officetest.Demo(limit(t, 2*time.Minute), bin, t.Output()); err != nil {
		t.Fatal(err)
	}
}

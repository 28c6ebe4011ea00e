package officetest_test

import (
	"testing"

	"timbre/internal/media"
	"timbre/internal/officetest"
)

// hears fails the test unless the tone hz, and not the tone no, is in s.
func hears(t *testing.T, who string, s media.Sound, hz, no float64) {
	t.Helper()
	level, other := officetest.Loudest(s, hz), officetest.Loudest(s, no)
	if level < -18 || other > level-20 {
		t.Errorf("%s heard %.0f Hz at %.1f dBFS and %.0f Hz at %.1f dBFS in %v", who, hz, level, no, other, s.Duration())
	}
}

// heard returns the only recording of b.
func heard(t *testing.T, b *officetest.Baresip) media.Sound {
	t.Helper()
	all, err := b.Heard()
	if err != nil || len(all) != 1 {
		t.Fatalf("%d recordings, %v", len(all), err)
	}
	return all[0]
}

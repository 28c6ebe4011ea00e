package api

import (
	"testing"
	"time"
)

func TestPingTimes(t *testing.T) {
	for asked, want := range map[string]time.Duration{
		"": 30 * time.Second, "0": 0, "1": time.Second, "30": 30 * time.Second, "45": 45 * time.Second,
		"300": 5 * time.Minute, "301": 5 * time.Minute, "4294967295": 5 * time.Minute,
	} {
		if got, ok := pingTime(asked); !ok || got != want {
			t.Errorf("%q: %v %v, want %v", asked, got, ok, want)
		}
	}
	for _, asked := range []string{"-1", "soon", "1.5", "{ping}", "99999999999999999999"} {
		if got, ok := pingTime(asked); ok {
			t.Errorf("%q: %v", asked, got)
		}
	}
}

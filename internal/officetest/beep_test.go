package officetest_test

import (
	"testing"
	"time"

	"timbre/internal/media"
	"timbre/internal/officetest"
)

func TestBeeped(t *testing.T) {
	const rate = 8000
	silence := make([]int16, rate)
	beep := media.Beep().Sound(rate, media.BeepTime).Samples
	for name, tt := range map[string]struct {
		samples []int16
		want    bool
	}{
		"nothing":              {nil, false},
		"silence":              {silence, false},
		"another tone":         {media.Sine(440, -12).Sound(rate, time.Second).Samples, false},
		"a beep after silence": {append(silence[:rate:rate], beep...), true},
		"what is left of one":  {append(silence[:rate:rate], beep[:rate/12]...), true},
	} {
		if got := officetest.Beeped(media.Sound{Rate: rate, Samples: tt.samples}); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

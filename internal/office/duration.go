package office

import (
	"fmt"
	"strconv"
	"time"
)

// A Duration is a time.Duration that travels as whole seconds.
type Duration time.Duration

// Of returns d rounded to whole seconds, as it will travel.
func Of(d time.Duration) Duration { return Duration(d.Round(time.Second)) }

// MarshalJSON writes d as whole seconds.
func (d Duration) MarshalJSON() ([]byte, error) {
	return strconv.AppendInt(nil, int64(time.Duration(d).Round(time.Second)/time.Second), 10), nil
}

// UnmarshalJSON reads whole or fractional seconds; null leaves d as it is.
func (d *Duration) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	s, err := strconv.ParseFloat(string(b), 64)
	if err != nil || s != s || s < -1e9 || s > 1e9 {
		return fmt.Errorf("not a number of seconds: %.20q", b)
	}
	*d = Duration(s * float64(time.Second))
	return nil
}

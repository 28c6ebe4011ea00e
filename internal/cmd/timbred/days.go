package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"timbre/internal/office"
)

// day is how administrators count.
const day = 24 * time.Hour

// maxDays is the longest that a flag may say.
const maxDays = 100 * 366

// readDays returns the time that the value of a flag spells, such as 4w, 30d or 12h;
// 0 needs no unit.
func readDays(flag, s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	for unit, length := range map[string]int{"d": 1, "w": 7} {
		if count, ok := strings.CutSuffix(s, unit); ok {
			var n int
			n, err = strconv.Atoi(count)
			d = time.Duration(min(n, maxDays+1)*length) * day
		}
	}
	if err != nil || d < 0 || d > maxDays*day {
		return 0, fmt.Errorf("--%s: not a time such as 4w, 30d or 12h", flag)
	}
	return d, nil
}

// daysFlag returns nothing for a flag that was not given.
func daysFlag(flag, s string) (*office.Duration, error) {
	if s == "" {
		return nil, nil
	}
	d, err := readDays(flag, s)
	if err != nil {
		return nil, err
	}
	of := office.Of(d)
	return &of, nil
}

// days tells for how long something is kept; zero is for good.
func days(d time.Duration) string {
	switch {
	case d == 0:
		return "until deleted"
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	}
	return d.String()
}

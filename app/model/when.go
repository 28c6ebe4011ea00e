package model

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"timbre/internal/office"
)

// When says at what time t was, as seen from now, in now's time zone: "hoy
// 10:42", "ayer 18:05", "lun 16 nov 09:10", and with the year half a year away.
func (p *Phrasebook) When(t, now time.Time) string {
	t = t.In(now.Location())
	at := []any{"time", t.Format("15:04")}
	switch daysBefore(t, now) {
	case 0:
		return p.Say("time.today", at...)
	case 1:
		return p.Say("time.yesterday", at...)
	}
	key := "time.day"
	if far(t, now) {
		key = "time.dayYear"
	}
	return p.Say(key, "time", t.Format("15:04"), "weekday", p.Say("weekday.short."+strconv.Itoa(int(t.Weekday()))),
		"day", t.Day(), "month", p.Say("month.short."+strconv.Itoa(int(t.Month()))), "year", t.Year())
}

// Day names the day of t as a heading: "Hoy", "Ayer", "Lunes 16 de noviembre".
func (p *Phrasebook) Day(t, now time.Time) string {
	t = t.In(now.Location())
	switch daysBefore(t, now) {
	case 0:
		return p.Say("day.today")
	case 1:
		return p.Say("day.yesterday")
	}
	key := "day.other"
	if far(t, now) {
		key = "day.otherYear"
	}
	return p.Say(key, "weekday", p.Say("weekday."+strconv.Itoa(int(t.Weekday()))), "day", t.Day(),
		"month", p.Say("month."+strconv.Itoa(int(t.Month()))), "year", t.Year())
}

// far reports whether a date near now may be mistaken without its year.
func far(t, now time.Time) bool {
	d := now.Sub(t)
	return d > 180*24*time.Hour || d < -180*24*time.Hour
}

// daysBefore counts the midnights between t and now; both are in one zone.
func daysBefore(t, now time.Time) int {
	return int(midnight(now).Sub(midnight(t)).Round(24*time.Hour) / (24 * time.Hour)) // rounded: a day may have 23 hours
}

// midnight returns the start of t's day in t's zone.
func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// Length writes a duration as 0:34, 12:05 or 1:02:03; whole seconds, rounded.
func Length(d time.Duration) string {
	s := int(max(d, 0).Round(time.Second) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// Date writes the day of t as it is typed in a date field.
func (p *Phrasebook) Date(t time.Time) string { return t.Format(p.Say("date.layout")) }

// ParseDate returns the start of the day that s names in loc, written as Date
// does, with or without leading zeros, or as 2026-11-16. False for anything else.
func (p *Phrasebook) ParseDate(s string, loc *time.Location) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, layout := range []string{p.Say("date.layout"), "2/1/2006", "2-1-2006", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil && t.Year() > 1900 {
			return t, true
		}
	}
	return time.Time{}, false
}

// regions holds the country codes by which the region of a company is known.
var regions = map[string]office.Region{"+52": "MX", "+1": "US"}

// RegionOf returns the region of a company by its main number.
func RegionOf(company office.Number) office.Region {
	for code, r := range regions {
		if strings.HasPrefix(string(company), code) {
			return r
		}
	}
	return office.DefaultRegion
}

package office

import (
	"errors"
	"testing"
	"time"
)

func TestCheckTimeZone(t *testing.T) {
	for name, want := range map[string]error{
		"":                   nil,
		"America/Tijuana":    nil,
		"UTC":                nil,
		"Local":              ErrTimeZone,
		"America/Nowhere":    ErrTimeZone,
		"../../etc/passwd":   ErrTimeZone,
		"/usr/share/zone":    ErrTimeZone,
		"America/Tijuana\n":  ErrTimeZone,
		"GMT-6":              ErrTimeZone,
		"america mexicocity": ErrTimeZone,
	} {
		if err := CheckTimeZone(name); !errors.Is(err, want) {
			t.Errorf("CheckTimeZone(%q) = %v, want %v", name, err, want)
		}
	}
}

func TestLocation(t *testing.T) {
	for c, want := range map[Company]string{
		{Region: "MX"}: "America/Mexico_City",
		{Region: "MX", TimeZone: "America/Tijuana"}: "America/Tijuana",
		{Region: "AQ"}: "UTC",
		{}:             "UTC",
		{Region: "MX", TimeZone: "America/Nowhere"}:    "UTC",
		{Region: "MX", TimeZone: "Local"}:              "UTC",
		{TimeZone: "America/Argentina/ComodRivadavia"}: "America/Argentina/ComodRivadavia",
	} {
		if got := c.Location(); got.String() != want {
			t.Errorf("%+v thinks in %s, want %s", c, got, want)
		}
	}
	for r, name := range zones {
		if CheckRegion(r) != nil {
			t.Errorf("%q is no region", r)
		}
		if _, err := time.LoadLocation(name); err != nil {
			t.Errorf("the zone of %s: %v", r, err)
		}
	}
}

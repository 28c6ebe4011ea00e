package voicemail

import (
	"testing"
	"time"

	"timbre/internal/office"
)

// TestClockIsTheOffices: wherever the machine thinks it is.
func TestClockIsTheOffices(t *testing.T) {
	m := newMachine(t, t.TempDir())
	defer m.close(t)
	m.now = func() time.Time { return time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC) }
	is := func(want string) {
		t.Helper()
		if got := m.clock(t.Context()).Format("02 15:04"); got != want {
			t.Errorf("it is %s, want %s", got, want)
		}
	}
	is("22 21:00") // of the region that an office is in unless somebody says otherwise
	for want, c := range map[string]office.Company{
		"23 00:00": {Region: "CL"},
		"23 04:00": {Region: "ES"},
		"22 19:00": {Region: "MX", TimeZone: "America/Tijuana"},
	} {
		c.Number, c.Name = "+525555550100", "Oficina"
		if err := m.store.SetCompany(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		is(want)
	}
}

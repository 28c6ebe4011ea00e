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
	for region, want := range map[office.Region]string{"": "22 21:00", "CL": "23 00:00", "ES": "23 04:00"} { // "": no company yet
		if region != "" {
			if err := m.store.SetCompany(t.Context(), office.Company{Number: "+525555550100", Name: "Oficina", Region: region}); err != nil {
				t.Fatal(err)
			}
		}
		if got := m.clock(t.Context()).Format("02 15:04"); got != want {
			t.Errorf("in %q it is %s, want %s", region, got, want)
		}
	}
}

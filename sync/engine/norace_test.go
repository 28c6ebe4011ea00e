//go:build !race

package engine_test

// defaultSchedules is how many schedules run where nobody says otherwise.
const defaultSchedules = 300

//go:build race

package engine_test

// defaultSchedules is fewer than without the race detector: each takes longer.
const defaultSchedules = 50

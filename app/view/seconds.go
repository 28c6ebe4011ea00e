package view

import "time"

// seconds is a position on a slider as a time.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

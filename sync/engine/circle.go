package engine

// A circle notices that places which should all be different come again, however
// many lie between: it remembers one of them, for twice as long each time (Brent's
// algorithm). The zero value has met none.
type circle[T comparable] struct {
	mark        T
	steps, long int
}

// closes meets the next place and reports whether it was the one remembered.
func (c *circle[T]) closes(at T) bool {
	if c.long > 0 && at == c.mark {
		return true
	}
	if c.steps++; c.steps > c.long {
		c.mark, c.steps, c.long = at, 0, max(1, 2*c.long)
	}
	return false
}

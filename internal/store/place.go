package store

import (
	"fmt"
	"sync"

	"timbre/internal/office"
)

// places remembers how many rows stand before some rows of lists, and how many
// there are, so that who reads a long list page after page does not have it
// counted from its top each time. A number holds while the rows are in the state that it was counted in.
// The zero value knows none.
type places struct {
	mu    sync.Mutex
	of    map[place]int // guarded by mu
	order []place       // guarded by mu; the keys of of, oldest first
}

// A place is a row of a list in a state.
type place struct {
	list string
	seq  int64     // the last change of the rows
	id   office.ID // empty: behind the last one
}

// maxPlaces bounds how many are remembered; each reader needs one.
const maxPlaces = 1000

// find returns how many rows stand before p, if that is known.
func (l *places) find(p place) (n int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, ok = l.of[p]
	return n, ok
}

// note remembers that n rows stand before p.
func (l *places) note(p place, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = map[place]int{}
	}
	if _, known := l.of[p]; !known {
		l.order = append(l.order, p)
	}
	l.of[p] = n
	if len(l.order) > maxPlaces {
		delete(l.of, l.order[0])
		l.order = l.order[1:]
	}
}

// name tells a list from others.
func (l *list) name() string { return l.table + " WHERE " + l.where.String() + fmt.Sprint(l.args) }

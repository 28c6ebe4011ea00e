package store

import "sync"

// A known holds rows that every call asks for, as they were read last. Each was read
// at a count of commits; one that changed any such row moves the count, and what was
// read before is not believed any more. The zero known is empty.
type known[K comparable, V any] struct {
	mu    sync.Mutex
	count uint64  // of commits, when those in rows were read; guarded by mu
	rows  map[K]V // guarded by mu
}

// get returns the row of key where it was read at count.
func (k *known[K, V]) get(key K, count uint64) (v V, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.count == count {
		v, ok = k.rows[key]
	}
	return v, ok
}

// put keeps a row that was read after count was looked up.
func (k *known[K, V]) put(key K, v V, count uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if count > k.count || k.rows == nil {
		k.count, k.rows = count, map[K]V{}
	}
	if count == k.count {
		k.rows[key] = v
	}
}

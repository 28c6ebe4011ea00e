package sqldb

import (
	"context"
	"path/filepath"
	"testing"
	"testing/fstest"
)

func TestCacheAndCheckpoint(t *testing.T) {
	ctx := context.Background()
	migrations := fstest.MapFS{"00001_a.sql": {Data: []byte("-- +goose Up\nCREATE TABLE a (x TEXT);\n")}}
	for _, c := range []struct {
		cfg               Config
		cache, checkpoint int // as SQLite says it: KiB are negative
	}{
		{Config{}, -2000, 1000},
		{Config{Cache: 16 << 10, Checkpoint: 8000}, -16 << 10, 8000},
	} {
		c.cfg.Path, c.cfg.Migrations = filepath.Join(t.TempDir(), "a.db"), migrations
		db, err := Open(ctx, c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var cache, checkpoint int
		err = db.Write(ctx, func(tx *Tx) error {
			if err := tx.QueryRow("PRAGMA cache_size").Scan(&cache); err != nil {
				return err
			}
			return tx.QueryRow("PRAGMA wal_autocheckpoint").Scan(&checkpoint)
		})
		if err != nil || cache != c.cache || checkpoint != c.checkpoint {
			t.Errorf("cache %d, checkpoint %d, %v; want %d, %d", cache, checkpoint, err, c.cache, c.checkpoint)
		}
		if err := db.QueryRow(ctx, "PRAGMA cache_size").Scan(&cache); err != nil || cache != c.cache {
			t.Errorf("of readers: %d, %v", cache, err)
		}
	}
}

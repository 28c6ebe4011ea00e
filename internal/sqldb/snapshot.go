package sqldb

import (
	"context"
	"database/sql"
	"fmt"
)

// Snapshot runs fn on one state of the database, however long that takes:
// writers neither disturb it nor wait for it. fn must only read.
func (db *DB) Snapshot(ctx context.Context, fn func(*Tx) error) error {
	tx, err := db.read.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("beginning: %w", err)
	}
	defer tx.Rollback()
	return fn(&Tx{tx: tx, ctx: ctx})
}

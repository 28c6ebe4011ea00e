package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// What only this computer knows is in the database and once more in plain files of
// the folder of copies: each row of the outbox in SEQ.row, all meta values in meta. A copy
// is written, to the disk itself, before the transaction that makes it true ends,
// and removed after the one that ends it. As there is one writer at a time, also
// among processes, a copy is never older than what is committed. A rescue takes them
// for the truth, whatever page of the database is damaged.
const (
	rowSuffix = ".row"
	metaFile  = "meta"
)

// A row is one of the outbox as its copy tells it.
type row struct {
	Seq       int64     `json:"seq"`
	Type      Type      `json:"type"`
	Object    office.ID `json:"object"`
	Action    Action    `json:"action"`
	Value     string    `json:"value"`
	NotBefore int64     `json:"notBefore"`
	Reason    *string   `json:"reason"`
	RefusedAt *int64    `json:"refusedAt"`
	Base      string    `json:"base"`
	Theirs    string    `json:"theirs"`
	File      string    `json:"file"`
	BlobID    office.ID `json:"blobId"`
	MadeAt    int64     `json:"madeAt"`
}

// selectRow reads outbox with what scanRow wants.
const selectRow = `SELECT seq, type, object, action, value, not_before, reason, refused_at, base, theirs, file, blob_id, made_at FROM outbox NOT INDEXED`

func scanRow(r interface{ Scan(...any) error }) (x row, err error) {
	err = r.Scan(&x.Seq, &x.Type, &x.Object, &x.Action, &x.Value, &x.NotBefore, &x.Reason, &x.RefusedAt, &x.Base, &x.Theirs, &x.File, &x.BlobID, &x.MadeAt)
	return x, err
}

// restore puts the row of a copy into the outbox, over what was read of the damaged
// one. Where that was not there, it is taken for sent: nobody knows.
func (x row) restore(tx *sqldb.Tx) error {
	_, err := tx.Exec(`INSERT INTO outbox (seq, type, object, action, value, not_before, attempts, reason, refused_at, base, theirs, file, blob_id, made_at)
		VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (seq) DO UPDATE SET type = excluded.type, object = excluded.object, action = excluded.action, value = excluded.value,
			reason = excluded.reason, refused_at = excluded.refused_at, base = excluded.base, theirs = excluded.theirs,
			file = excluded.file, blob_id = excluded.blob_id, made_at = excluded.made_at`,
		x.Seq, x.Type, x.Object, x.Action, x.Value, x.NotBefore, x.Reason, x.RefusedAt, x.Base, x.Theirs, x.File, x.BlobID, x.MadeAt)
	return err
}

// writeCopy replaces the file path by v and a sum that tells whether it can be
// trusted.
func writeCopy(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	return WriteFile(path, append([]byte(hex.EncodeToString(sum[:])+"\n"), text...))
}

// readCopy reads into v what writeCopy wrote. fs.ErrNotExist where there is
// none, ErrDamaged where it is something else.
func readCopy(path string, v any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	was, text, _ := bytes.Cut(raw, []byte("\n"))
	if sum := sha256.Sum256(text); string(was) != hex.EncodeToString(sum[:]) || json.Unmarshal(text, v) != nil {
		return ErrDamaged
	}
	return nil
}

func rowFile(dir string, seq int64) string {
	return filepath.Join(dir, copyFolder, strconv.FormatInt(seq, 10)+rowSuffix)
}

// copied returns the rows that have a copy in dir.
func copied(dir string) (map[int64]bool, error) {
	entries, err := os.ReadDir(filepath.Join(dir, copyFolder))
	if err != nil {
		return nil, fmt.Errorf("reading the copies: %w", err)
	}
	rows := map[int64]bool{}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), rowSuffix)
		if seq, err := strconv.ParseInt(name, 10, 64); ok && err == nil {
			rows[seq] = true
		}
	}
	return rows, nil
}

// touched returns the rows that a transaction touched, and forgets them.
func touched(tx *sqldb.Tx) (seqs []int64, err error) {
	rows, err := tx.Query(`DELETE FROM outbox_touched RETURNING seq`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			return nil, err
		}
		seqs = append(seqs, seq)
	}
	return seqs, rows.Err()
}

// copyRowsOf brings the copies of rows up to date. Those of rows that are gone are
// returned, to be removed once that is committed.
func (m *Mirror) copyRowsOf(tx *sqldb.Tx, seqs []int64) (gone []int64, err error) {
	for _, seq := range seqs {
		x, err := scanRow(tx.QueryRow(selectRow+` WHERE seq = $1`, seq))
		if errors.Is(err, sql.ErrNoRows) {
			gone = append(gone, seq)
			continue
		}
		if err == nil {
			err = writeCopy(rowFile(m.dir, seq), x)
		}
		if err != nil {
			return nil, err
		}
	}
	return gone, nil
}

// uncopy takes back the copies of a transaction that failed. It only reads the
// database, while nobody writes, for which there is room on a full disk.
func (m *Mirror) uncopy(ctx context.Context, db *sqldb.DB, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	return db.Write(context.WithoutCancel(ctx), func(tx *sqldb.Tx) error {
		gone, err := m.copyRowsOf(tx, seqs)
		return errors.Join(err, m.removeCopies(gone))
	})
}

// copyMeta brings the copy of the meta values up to date.
func (m *Mirror) copyMeta(tx *sqldb.Tx) error {
	rows, err := tx.Query(`SELECT key, value FROM meta`)
	if err != nil {
		return err
	}
	defer rows.Close()
	values := map[string]string{}
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			return err
		}
		values[key] = value
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return writeCopy(filepath.Join(m.dir, copyFolder, metaFile), values)
}

// removeCopies removes the copies of rows that are gone. What stays is removed by
// the next Open.
func (m *Mirror) removeCopies(seqs []int64) error {
	for _, seq := range seqs {
		if err := os.Remove(rowFile(m.dir, seq)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("tidying the copies: %w", err)
		}
	}
	return nil
}

// agree makes the copies and the database agree: an older version of the program
// made no copies, and a crash may have left some over, or the database without its
// log. It reads all of the outbox, so that damage to it shows.
func (m *Mirror) agree(ctx context.Context) error {
	have, err := copied(m.dir)
	if err != nil {
		return err
	}
	want := map[int64]bool{}
	err = m.rows(ctx, func(r *sql.Rows) error {
		x, err := scanRow(r)
		want[x.Seq] = true
		return err
	}, selectRow)
	if err == nil {
		err = m.checkIndex(ctx, len(want))
	}
	if err != nil {
		return err
	}
	_, err = os.Stat(filepath.Join(m.dir, copyFolder, metaFile))
	if err == nil && maps.Equal(have, want) {
		return nil
	}
	return m.write(ctx, func(tx *sqldb.Tx) error { // now nobody else writes
		if err := m.copyMeta(tx); err != nil {
			return err
		}
		if err := m.bringBack(tx); err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT OR IGNORE INTO outbox_touched (seq) SELECT seq FROM outbox`)
		return err
	}, VoicemailType.stamp(), FaxType.stamp(), settingStamp)
}

// bringBack puts copies back into the outbox that the database never had; of others
// without a row, the row is gone and they go too.
func (m *Mirror) bringBack(tx *sqldb.Tx) error {
	have, err := copied(m.dir)
	if err != nil {
		return err
	}
	var last int64
	if err := tx.QueryRow(`SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'outbox'`).Scan(&last); err != nil {
		return err
	}
	for seq := range have {
		var x row
		if seq > last && readCopy(rowFile(m.dir, seq), &x) == nil && x.Seq == seq {
			err = x.restore(tx)
		} else {
			_, err = tx.Exec(`INSERT OR IGNORE INTO outbox_touched (seq) VALUES ($1)`, seq)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkIndex returns ErrCorrupt unless the index of the outbox has n rows.
func (m *Mirror) checkIndex(ctx context.Context, n int) error {
	indexed := 0
	err := m.rows(ctx, func(r *sql.Rows) error {
		var object string
		indexed++
		return r.Scan(&object)
	}, `SELECT object FROM outbox INDEXED BY outbox_object ORDER BY object, type, seq`)
	if err == nil && indexed != n {
		return ErrCorrupt
	}
	return err
}

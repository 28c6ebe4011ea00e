package server_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"timbre/internal/api"
	"timbre/internal/office"
	"timbre/internal/server"
	"timbre/internal/sqldb/pg"
	"timbre/internal/sqldb/pgtest"
)

// An office moves to PostgreSQL, and a backup of it there becomes one on SQLite.
func TestMigrate(t *testing.T) {
	ctx := t.Context()
	cfg := server.Config{Data: filepath.Join(t.TempDir(), "office")}
	administer := func(cfg server.Config, do func(*api.Admin) error) {
		t.Helper()
		admin, done, err := server.Admin(ctx, cfg, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(do(admin), done()); err != nil {
			t.Fatal(err)
		}
	}
	if err := server.Migrate(ctx, cfg, "host=/nowhere"); !errors.Is(err, office.ErrNoCompany) {
		t.Errorf("nothing was moved: %v", err)
	}
	administer(cfg, func(a *api.Admin) error {
		_, err := a.SetCompany(ctx, api.Company{Number: "+525555550100", Name: "Ejemplo"})
		return err
	})
	administer(cfg, func(a *api.Admin) error {
		_, err := a.AddExtension(ctx, api.NewExtension{Number: "101", Name: "Ana"})
		return err
	})
	dsn := pgtest.Start(t).Database(t)
	if err := server.Migrate(ctx, cfg, dsn); err != nil {
		t.Fatal(err)
	}
	if _, _, err := server.Admin(ctx, cfg, false); err == nil {
		t.Fatal("the rows that were left are used on")
	}
	moved := cfg
	moved.DB = dsn
	check := func(cfg server.Config) {
		t.Helper()
		administer(cfg, func(a *api.Admin) error {
			all, err := a.Extensions(ctx)
			if err != nil || len(all) != 1 || all[0].Name != "Ana" {
				t.Errorf("%+v, %v", all, err)
			}
			return err
		})
	}
	check(moved)
	if err := server.Migrate(ctx, moved, dsn); err == nil {
		t.Error("moved twice")
	}
	file := filepath.Join(t.TempDir(), "backup")
	if _, err := server.Backup(ctx, moved, file); err != nil {
		t.Fatal(err)
	}
	back := server.Config{Data: filepath.Join(t.TempDir(), "back")}
	is, err := server.Restore(ctx, back, file, false)
	if err != nil || is.Company != "+525555550100" {
		t.Fatalf("%+v, %v", is, err)
	}
	check(back)

	// A database that a newer version has been at, as an office's own is to an old
	// backup of it.
	newer := pgtest.Start(t).Database(t)
	future, err := pg.Open(ctx, newer, fstest.MapFS{"99999_future.sql": {Data: []byte("-- +goose Up\nSELECT 1;\n")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := future.Close(); err != nil {
		t.Fatal(err)
	}
	into := server.Config{Data: filepath.Join(t.TempDir(), "into"), DB: newer}
	if _, err := server.Restore(ctx, into, file, true); err == nil || !strings.Contains(err.Error(), "is newer than the backup") {
		t.Errorf("into a newer database: %v", err)
	}
}

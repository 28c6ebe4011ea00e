package store_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb/pgtest"
	"timbre/internal/store"
)

// An office under test: a store that can be closed and opened again, and a
// clock that stands still until it is set.
type fixture struct {
	*store.Store
	cfg store.Config
	now time.Time
}

// exercises call every method of a Store. Each gets an empty office and runs on
// every database.
var exercises = map[string]func(*testing.T, *fixture){
	"company":                          company,
	"extensions":                       extensions,
	"removed extension is kept":        removedExtensionIsKept,
	"removed extension is purged":      removedExtensionIsPurged,
	"devices":                          devices,
	"sessions":                         sessions,
	"rotated session":                  rotatedSession,
	"new password ends sessions":       newPasswordEndsSessions,
	"bindings":                         bindings,
	"alive":                            alive,
	"a second server":                  secondServer,
	"calls":                            calls,
	"interrupted talks":                interruptedTalks,
	"interrupted calls on a full disk": interruptedOnAFullDisk,
	"a clock set ahead":                clockSetAhead,
	"call filters and pages":           callFilters,
	"places of pages":                  placesOfPages,
	"interrupted calls":                interruptedCalls,
	"voicemail":                        voicemail,
	"voicemail filters":                voicemailFilters,
	"voicemail set":                    voicemailSet,
	"voicemail commits whole":          voicemailCommitsWhole,
	"recordings":                       recordings,
	"files without an owner":           filesWithoutOwner,
	"changes":                          changes,
	"changes in pages":                 changesInPages,
	"tombstones":                       tombstones,
	"wakes":                            wakes,
	"generation":                       generation,
	"followers miss nothing":           followersMissNothing,
	"concurrent calls of one account":  concurrentCalls,
	"status":                           status,
	"counted calls":                    countedCalls,
	"backup":                           backup,
	"an older backup":                  olderBackup,
	"notices of addresses":             noticesOfAddresses,
	"audit log":                        auditLog,
	"administrators' tokens":           adminTokens,
	"invitations":                      invitations,
	"retention":                        retention,
	"backup notes":                     backupNotes,
	"files of a backup":                filesOfABackup,
	"settings":                         settings,
	"states of an extension":           statesOfAnExtension,
	"PINs":                             pins,
	"reachability":                     reachability,
	"what is known":                    knownAtOnce,
	"disabled extension":               disabledExtension,
	"mailbox":                          mailbox,
	"uploads":                          uploads,
	"uploads are limited":              uploadsAreLimited,
	"greetings":                        greetings,
	"temporary greeting alone":         temporaryGreetingAlone,
	"spoken greetings":                 spokenGreetings,
	"mails":                            mails,
	"leases of mail":                   leases,
	"mails in order":                   mailsInOrder,
	"mails claimed at once":            mailsClaimedAtOnce,
	"held mail":                        heldMail,
	"mails without a server":           mailsWithoutAServer,
	"mailing":                          mailing,
	"mail of what happens":             mailOfWhatHappens,
	"trunks":                           trunks,
	"lines":                            lines,
	"caller IDs":                       callerIDs,
	"usage":                            usage,
	"faxes":                            faxes,
	"faxes once each":                  faxesOnceEach,
	"faxes of a day":                   faxesOfADay,
	"faxes of a removed extension":     faxesOfARemovedExtension,
	"fax filters and pages":            faxFilters,
	"fax set":                          faxSet,
	"pages of faxes":                   pagesOfFaxes,
	"call legs":                        callLegs,
	"quality":                          quality,
	"quality at once":                  qualityAtOnce,
	"directory":                        directory,
	"directory at once":                directoryAtOnce,
	"nothing is left":                  nothingIsLeft,
	"nobody":                           nobody,
	"wakes of everybody":               wakesOfEverybody,
	"changes together":                 changesTogether,
	"everything together":              everythingTogether,
	"login during a new password":      loginDuringANewPassword,
	"memos":                            memos,
	"memos of many at once":            memosAtOnce,
	"notices once in a while":          noticesOnceInAWhile,
}

func TestSQLite(t *testing.T) {
	conform(t, func(*testing.T) string { return "" })
}

func TestPostgreSQL(t *testing.T) {
	cluster := pgtest.Start(t)
	empty := cluster.Database(t)
	s, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), DSN: empty})
	must(t, err)
	must(t, s.Close())
	conform(t, func(t *testing.T) string { return cluster.Copy(t, empty) }) // quicker than its schema step by step
}

// A method that no test of a Store names would be known on no database.
func TestEveryMethodIsExercised(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	must(t, err)
	named := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		must(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				named[s.Sel.Name] = true
			}
			return true
		})
	}
	for m := range reflect.TypeFor[*store.Store]().Methods() {
		if !named[m.Name] {
			t.Errorf("no test calls %s", m.Name)
		}
	}
}

// conform runs all exercises on the databases that dsn makes.
func conform(t *testing.T, dsn func(*testing.T) string) {
	for name, run := range exercises {
		t.Run(name, func(t *testing.T) {
			f := &fixture{now: time.Date(2026, 3, 4, 5, 6, 7, 8e6, time.UTC)}
			f.cfg = store.Config{Dir: filepath.Join(t.TempDir(), "data"), DSN: dsn(t), Now: func() time.Time { return f.now }}
			f.open(t)
			t.Cleanup(func() { f.Close() })
			run(t, f)
		})
	}
}

func (f *fixture) open(t *testing.T) {
	t.Helper()
	s, err := store.Open(t.Context(), f.cfg)
	must(t, err)
	f.Store = s
}

// second opens a store beside the first on the same database (PostgreSQL).
func (f *fixture) second(t *testing.T) *store.Store {
	t.Helper()
	cfg := store.Beside(f.cfg)
	cfg.Dir = filepath.Join(t.TempDir(), "other")
	s, err := store.Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// restart closes the store and opens it again, as after a stop of the server.
func (f *fixture) restart(t *testing.T) {
	t.Helper()
	must(t, f.Close())
	f.open(t)
}

// add adds an extension and returns its account.
func (f *fixture) add(t *testing.T, n office.Number) office.ID {
	t.Helper()
	e, err := f.AddExtension(t.Context(), office.Extension{Number: n, Name: "Ana López"}, "hash")
	must(t, err)
	return e.Account
}

// login starts a session of n.
func (f *fixture) login(t *testing.T, n office.Number, token string) store.Session {
	t.Helper()
	s, err := f.AddSession(t.Context(), store.NewSession{
		Device: office.Device{Extension: n, Name: "laptop", Username: "d" + token},
		Secret: store.Secret{MD5: "m", SHA256: "s"}, Token: token, Address: "192.0.2.1", ExpiresAt: f.now.Add(time.Hour),
	})
	must(t, err)
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

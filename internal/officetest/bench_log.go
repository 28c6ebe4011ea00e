package officetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"timbre/internal/office"
	"timbre/internal/server"
	"timbre/internal/sqldb/pgtest"
)

// benchDatabases are those that the sync is measured with.
var benchDatabases = []string{"SQLite", "PostgreSQL"}

// benchPeople is how many extensions an archive has beside 101, whose password
// they share: one for each client that listens.
const benchPeople = 200

// benchPerson returns the i-th of them.
func benchPerson(i int) office.Number { return office.Number(fmt.Sprint(4000 + i)) }

// An archive is a running office in which extension 101 has a long log.
type archive struct {
	*Office
	database string // one of benchDatabases
	rows     int    // of the log
}

// String names it in the table.
func (a *archive) String() string { return fmt.Sprintf("%s rows, %s", thousands(a.rows), a.database) }

// thousands writes n with a comma before each three digits.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// archive returns the office with a log of so many rows in a database, which
// lives as long as the bench.
func (b *bench) archive(ctx context.Context, database string, rows int) (a *archive, err error) {
	for _, a := range b.archives {
		if a.database == database && a.rows == rows {
			return a, nil
		}
	}
	dsn := ""
	if database == "PostgreSQL" {
		if b.cluster == nil {
			if b.cluster, err = pgtest.Run(); err != nil {
				return nil, err
			}
		}
		if dsn, err = b.cluster.Make(); err != nil {
			return nil, err
		}
	}
	a = &archive{database: database, rows: rows}
	a.Office, err = Prepare(ctx, Options{Bin: b.opt.Bin, People: people()[:1], Config: func(c *server.Config) { c.DB = dsn }})
	if err != nil {
		return nil, err
	}
	if err = a.fill(ctx, dsn); err == nil {
		a.Server, err = a.SpawnServer(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making %v: %w", a, err), a.Close())
	}
	b.archives = append(b.archives, a)
	return a, nil
}

// longest returns the office with the longest log.
func (b *bench) longest(ctx context.Context, database string) (*archive, error) {
	return b.archive(ctx, database, b.opt.Rows[len(b.opt.Rows)-1])
}

// fill enters people and calls into the database of an office whose server does
// not run, by the database's own program: through the store it takes minutes.
func (a *archive) fill(ctx context.Context, dsn string) error {
	text := fillPeople(benchPeople) + fillCalls(a.rows)
	if dsn != "" {
		_, err := run(ctx, text+"VACUUM ANALYZE;", "psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", dsn)
		return err
	}
	if err := Have("sqlite3", "sqlite3"); err != nil {
		return err
	}
	_, err := run(ctx, "PRAGMA synchronous = OFF;"+text, "sqlite3", "-bail", "-batch", filepath.Join(a.Data, "timbre.db"))
	return err
}

// fillPeople returns the SQL, for both databases, that adds n extensions like 101.
func fillPeople(n int) string {
	return fmt.Sprintf(`
INSERT INTO account (id, modseq, created_at)
	WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %[1]d - 1) SELECT 'person' || i, 0, 0 FROM n;
INSERT INTO extension (number, account, name, email, language, ring_time, password, created_at)
	WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %[1]d - 1)
	SELECT CAST(%[2]s + i AS TEXT), 'person' || i, 'Persona ' || i, '', e.language, e.ring_time, e.password, e.created_at
	FROM n CROSS JOIN extension e WHERE e.number = '101';
INSERT INTO settings (account) SELECT id FROM account WHERE id LIKE 'person%%';
`, n, benchPerson(0))
}

// fillCalls returns the SQL, for both databases, that enters n calls into the empty
// log of 101, one every half a minute until now, each a change of its own: with
// parties of whom few call often and many seldom, three quarters of them with a
// name, and a tenth of the calls with a quality.
func fillCalls(n int) string {
	quality, err := json.Marshal(map[office.ID]office.Quality{"device000000": {Codec: "opus", Loss: 0.0125, Jitter: 0.0031, Delay: 0.081}})
	if err != nil {
		panic(err) // numbers and strings
	}
	return fmt.Sprintf(`
INSERT INTO call (id, account, kind, outcome, reason, number, name, folded, started_at, answered_at, ring_time, duration,
		answered_by, forwarded_to, enc_local, enc_remote, created_seq, modseq, legs, quality)
	WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < %[1]d),
	word(k, given, folded_given, family, folded_family) AS (VALUES %[2]s),
	party(i, who) AS (SELECT i, i * 7919 %% 1000 * (i * 104729 %% 997) / 10 FROM n),
	named(i, number, name, folded) AS (
		SELECT i, '+52' || CAST(2000000000 + who * 79993 %% 7999999999 AS TEXT),
			CASE WHEN who %% 4 > 0 THEN a.given || ' ' || b.family || ' ' || c.family ELSE '' END,
			CASE WHEN who %% 4 > 0 THEN a.folded_given || ' ' || b.folded_family || ' ' || c.folded_family ELSE '' END
		FROM party JOIN word a ON a.k = who %% 16 JOIN word b ON b.k = who / 16 %% 16 JOIN word c ON c.k = who / 256 %% 16)
	SELECT 'c' || CAST(10000000000 + i AS TEXT), (SELECT account FROM extension WHERE number = '101'),
		CASE WHEN i %% 3 = 0 THEN 'outgoing' WHEN i %% 40 = 1 THEN 'missed' ELSE 'incoming' END,
		CASE WHEN i %% 40 = 1 THEN 'noAnswer' ELSE 'answered' END, '', number, name, number || '
' || folded,
		%[3]d + i * 30000, CASE WHEN i %% 40 = 1 THEN NULL ELSE %[3]d + i * 30000 + 7000 END, 7000,
		CASE WHEN i %% 40 = 1 THEN 0 ELSE i * 7907 %% 900000 END,
		CASE WHEN i %% 3 = 0 OR i %% 40 = 1 THEN '' ELSE '101' END, '', 'srtp', 'rtp', i, i, '',
		CASE WHEN i %% 10 = 0 THEN '%[4]s' ELSE '' END
	FROM named;
INSERT INTO feed (account, type, modseq, floor) SELECT account, 'Call', %[1]d, 0 FROM extension WHERE number = '101';
UPDATE account SET modseq = modseq + %[1]d WHERE id = (SELECT account FROM extension WHERE number = '101');
`, n, words(), time.Now().Add(-time.Duration(n)*30*time.Second).UnixMilli(), quality)
}

// words returns the names that people have, as rows of SQL.
func words() string {
	given := strings.Fields("Ana Luis María José Marta Jorge Íñigo Sofía Raúl Elena Óscar Lucía Hugo Nadia Félix Ximena")
	family := strings.Fields("López Peña García Hernández Muñoz Ruiz Díaz Núñez Ortega Vázquez Ibáñez Castro Zúñiga Kuri Quiroga Yáñez")
	var rows []string
	for k := range given {
		rows = append(rows, fmt.Sprintf("(%d, '%s', '%s', '%s', '%s')", k, given[k], office.Fold(given[k]), family[k], office.Fold(family[k])))
	}
	return strings.Join(rows, ", ")
}

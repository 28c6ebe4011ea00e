package pg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrClaimed says that another process has claimed the database.
var ErrClaimed = errors.New("another process uses the database")

// A Claim makes one process the only one that works on a database, as the lock
// on a file does. It is a session's advisory lock on a connection of its own: it
// ends with the process, or with PostgreSQL, after which Keep takes it again. A
// Claim is for one goroutine at a time.
type Claim struct {
	cfg  *pgx.ConnConfig
	conn *pgx.Conn // nil after it was lost
}

// claimKey names the lock in a database: "timbre".
const claimKey = 0x74696d627265

// A process that was killed a moment ago may still be in PostgreSQL's books.
const (
	claimPatience = 2 * time.Second
	claimStep     = 50 * time.Millisecond
)

// Take claims the database that dsn names. ErrClaimed: another process has.
func Take(ctx context.Context, dsn string) (*Claim, error) {
	cfg, err := parse(dsn)
	if err != nil {
		return nil, err
	}
	// The lock of a machine that was cut off is given up after half a minute.
	for name, value := range map[string]string{"tcp_keepalives_idle": "15", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"} {
		cfg.RuntimeParams[name] = value
	}
	c := &Claim{cfg: cfg}
	return c, c.take(ctx)
}

// Keep sees to it that the database is still claimed. ErrClaimed: another
// process came first after PostgreSQL had been away. Any other error leaves it
// open: PostgreSQL is away.
func (c *Claim) Keep(ctx context.Context) error {
	if c.conn != nil && c.conn.Ping(ctx) == nil {
		return nil
	}
	c.Close()
	return c.take(ctx)
}

// Close gives up the claim.
func (c *Claim) Close() {
	if c.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), claimPatience)
		defer cancel()
		c.conn.Close(ctx)
		c.conn = nil
	}
}

// take takes the lock on a new connection.
func (c *Claim) take(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, c.cfg)
	if err != nil {
		return fmt.Errorf("opening PostgreSQL at %s:%d: %w", c.cfg.Host, c.cfg.Port, err)
	}
	c.conn = conn
	for began := time.Now(); ; {
		var ok bool
		err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(claimKey)).Scan(&ok)
		if err == nil && ok {
			return nil
		}
		if err == nil && time.Since(began) > claimPatience {
			err = ErrClaimed
		}
		if err != nil {
			c.Close()
			return fmt.Errorf("claiming the database %s: %w", c.cfg.Database, err)
		}
		select {
		case <-time.After(claimStep):
		case <-ctx.Done():
		}
	}
}

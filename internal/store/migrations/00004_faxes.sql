-- Faxes, and what the office learned since.

-- +goose Up
ALTER TABLE company ADD COLUMN time_zone TEXT NOT NULL DEFAULT '';

-- Such a token opens nothing but the figures for a monitor.
ALTER TABLE admin_token ADD COLUMN only_metrics BOOLEAN NOT NULL DEFAULT FALSE;

-- One row for each fax that was sent, is to be sent or came in. A row that is to
-- be sent is its own schedule: while it is queued, next_at says when it may be
-- claimed; until lease_until has come, somebody sends it. Nobody sends what is held
-- since a backup was restored. attempts and error are
-- JSON, empty where there are none. client_ref is the client's name of what it
-- had sent, empty where no client had; it is unique within an account.
CREATE TABLE fax (
    id          TEXT PRIMARY KEY,
    account     TEXT NOT NULL REFERENCES account (id),
    client_ref  TEXT,
    resend_of   TEXT NOT NULL,
    direction   TEXT NOT NULL,
    number      TEXT NOT NULL,
    name        TEXT NOT NULL,
    folded      TEXT NOT NULL,
    is_new      BOOLEAN NOT NULL,
    state       TEXT NOT NULL,
    blob        TEXT NOT NULL REFERENCES blob (id),
    pages       BIGINT NOT NULL,
    pages_done  BIGINT NOT NULL,
    attempts    TEXT NOT NULL,
    error       TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    finished_at BIGINT,
    next_at     BIGINT,
    lease_until BIGINT NOT NULL,
    held        BOOLEAN NOT NULL DEFAULT FALSE,
    created_seq BIGINT NOT NULL,
    modseq      BIGINT NOT NULL,
    UNIQUE (account, client_ref)
);
CREATE INDEX fax_list ON fax (account, created_at, id);
CREATE INDEX fax_feed ON fax (account, modseq);
CREATE INDEX fax_due ON fax (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX fax_blob ON fax (blob);

-- +goose Down
DROP TABLE fax;
ALTER TABLE admin_token DROP COLUMN only_metrics;
ALTER TABLE company DROP COLUMN time_zone;

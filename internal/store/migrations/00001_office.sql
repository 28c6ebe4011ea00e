-- Times are Unix milliseconds UTC, intervals are milliseconds.

-- +goose Up
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE company (
    id     BIGINT PRIMARY KEY CHECK (id = 1),
    number TEXT NOT NULL,
    name   TEXT NOT NULL,
    region TEXT NOT NULL
);

-- An account owns what is kept for an extension and may outlive it until
-- purge_at. Its row hands out the numbers of its changes: modseq is the last.
CREATE TABLE account (
    id         TEXT PRIMARY KEY,
    modseq     BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    purge_at   BIGINT
);

-- The last change of each type, and the last one whose tombstones are gone.
CREATE TABLE feed (
    account TEXT NOT NULL REFERENCES account (id),
    type    TEXT NOT NULL,
    modseq  BIGINT NOT NULL,
    floor   BIGINT NOT NULL,
    PRIMARY KEY (account, type)
);

CREATE TABLE tombstone (
    account     TEXT NOT NULL REFERENCES account (id),
    type        TEXT NOT NULL,
    id          TEXT NOT NULL,
    created_seq BIGINT NOT NULL,
    modseq      BIGINT NOT NULL,
    deleted_at  BIGINT NOT NULL,
    PRIMARY KEY (account, type, modseq)
);
CREATE INDEX tombstone_deleted ON tombstone (deleted_at);

CREATE TABLE extension (
    number     TEXT PRIMARY KEY,
    account    TEXT NOT NULL UNIQUE REFERENCES account (id),
    name       TEXT NOT NULL,
    email      TEXT NOT NULL,
    language   TEXT NOT NULL,
    ring_time  BIGINT NOT NULL,
    password   TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE device (
    id         TEXT PRIMARY KEY,
    account    TEXT NOT NULL REFERENCES account (id),
    name       TEXT NOT NULL,
    username   TEXT NOT NULL UNIQUE,
    ha1_md5    TEXT NOT NULL,
    ha1_sha256 TEXT NOT NULL,
    session    BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    last_used  BIGINT NOT NULL
);
CREATE INDEX device_account ON device (account);

CREATE TABLE session (
    id         TEXT PRIMARY KEY,
    device     TEXT NOT NULL UNIQUE REFERENCES device (id) ON DELETE CASCADE,
    token      TEXT NOT NULL UNIQUE,
    address    TEXT NOT NULL,
    rotation   BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used  BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX session_expires ON session (expires_at);

CREATE TABLE binding (
    device     TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    contact    TEXT NOT NULL,
    source     TEXT NOT NULL,
    transport  TEXT NOT NULL,
    call_id    TEXT NOT NULL,
    cseq       BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (device, contact)
);

-- One row for each extension's side of a call. While the call goes on, outcome
-- is empty and modseq 0; such rows are not in the log.
CREATE TABLE call (
    id           TEXT PRIMARY KEY,
    account      TEXT NOT NULL REFERENCES account (id),
    kind         TEXT NOT NULL,
    outcome      TEXT NOT NULL,
    reason       TEXT NOT NULL,
    number       TEXT NOT NULL,
    name         TEXT NOT NULL,
    folded       TEXT NOT NULL,
    started_at   BIGINT NOT NULL,
    answered_at  BIGINT,
    ring_time    BIGINT NOT NULL,
    duration     BIGINT NOT NULL,
    answered_by  TEXT NOT NULL,
    forwarded_to TEXT NOT NULL,
    enc_local    TEXT NOT NULL,
    enc_remote   TEXT NOT NULL,
    created_seq  BIGINT NOT NULL,
    modseq       BIGINT NOT NULL
);
CREATE INDEX call_log ON call (account, started_at, id, kind) WHERE outcome <> ''; -- all that a list asks for
CREATE INDEX call_feed ON call (account, modseq);
CREATE INDEX call_live ON call (id) WHERE outcome = '';

-- A message while it is being left.
CREATE TABLE recording (
    id         TEXT PRIMARY KEY,
    account    TEXT NOT NULL REFERENCES account (id),
    call       TEXT NOT NULL,
    number     TEXT NOT NULL,
    name       TEXT NOT NULL,
    started_at BIGINT NOT NULL
);

CREATE TABLE blob (
    id         TEXT PRIMARY KEY,
    account    TEXT NOT NULL REFERENCES account (id),
    size       BIGINT NOT NULL,
    type       TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX blob_account ON blob (account);

CREATE TABLE voicemail (
    id           TEXT PRIMARY KEY,
    account      TEXT NOT NULL REFERENCES account (id),
    blob         TEXT NOT NULL REFERENCES blob (id),
    number       TEXT NOT NULL,
    name         TEXT NOT NULL,
    folded       TEXT NOT NULL,
    received_at  BIGINT NOT NULL,
    duration     BIGINT NOT NULL,
    is_new       BOOLEAN NOT NULL,
    is_truncated BOOLEAN NOT NULL,
    created_seq  BIGINT NOT NULL,
    modseq       BIGINT NOT NULL
);
CREATE INDEX voicemail_list ON voicemail (account, received_at, id);
CREATE INDEX voicemail_feed ON voicemail (account, modseq);

-- +goose Down
DROP TABLE voicemail;
DROP TABLE blob;
DROP TABLE recording;
DROP TABLE call;
DROP TABLE binding;
DROP TABLE session;
DROP TABLE device;
DROP TABLE extension;
DROP TABLE tombstone;
DROP TABLE feed;
DROP TABLE account;
DROP TABLE company;
DROP TABLE meta;

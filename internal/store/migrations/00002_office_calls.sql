-- What happens to a call: rights, settings, lines to the outside, e-mail.

-- +goose Up
ALTER TABLE company ADD COLUMN email TEXT NOT NULL DEFAULT '';

ALTER TABLE extension ADD COLUMN classes TEXT NOT NULL DEFAULT 'internal,national';
ALTER TABLE extension ADD COLUMN max_calls BIGINT NOT NULL DEFAULT 4;
ALTER TABLE extension ADD COLUMN minutes BIGINT NOT NULL DEFAULT 600;
ALTER TABLE extension ADD COLUMN call_limit BIGINT NOT NULL DEFAULT 2;
ALTER TABLE extension ADD COLUMN disabled BOOLEAN NOT NULL DEFAULT FALSE;

-- Legs and quality are JSON, empty where there are none: they are read whole.
ALTER TABLE call ADD COLUMN legs TEXT NOT NULL DEFAULT '';
ALTER TABLE call ADD COLUMN quality TEXT NOT NULL DEFAULT '';

-- The account of the directory: what it owns, all see.
INSERT INTO account (id, modseq, created_at) VALUES ('directory', 0, 0);

-- One line of the directory for each extension. account is the directory's;
-- owner is the extension's.
CREATE TABLE entry (
    id          TEXT PRIMARY KEY,
    account     TEXT NOT NULL REFERENCES account (id),
    owner       TEXT NOT NULL UNIQUE REFERENCES account (id),
    created_seq BIGINT NOT NULL,
    modseq      BIGINT NOT NULL
);
CREATE INDEX entry_feed ON entry (account, modseq);

-- What the user of an account has chosen. greeting is the kind that was chosen
-- last; dnd_until is null where calls are welcome.
CREATE TABLE settings (
    account        TEXT PRIMARY KEY REFERENCES account (id),
    voicemail      BOOLEAN NOT NULL DEFAULT TRUE,
    attach_audio   BOOLEAN NOT NULL DEFAULT FALSE,
    pin            TEXT NOT NULL DEFAULT '',
    greeting       TEXT NOT NULL DEFAULT 'default',
    forwarding     BOOLEAN NOT NULL DEFAULT FALSE,
    forward_when   TEXT NOT NULL DEFAULT 'always',
    forward_number TEXT NOT NULL DEFAULT '',
    ring_local     BOOLEAN NOT NULL DEFAULT FALSE,
    require_key    BOOLEAN NOT NULL DEFAULT TRUE,
    caller_id      TEXT NOT NULL DEFAULT '',
    dnd_until      BIGINT
);
INSERT INTO settings (account) SELECT account FROM extension;

-- The sounds of an account's greetings, the own and the temporary one side by
-- side. until is null where it stays until it is changed.
CREATE TABLE greeting (
    account TEXT NOT NULL REFERENCES account (id),
    kind    TEXT NOT NULL,
    blob    TEXT NOT NULL REFERENCES blob (id),
    until   BIGINT,
    PRIMARY KEY (account, kind)
);
CREATE INDEX greeting_blob ON greeting (blob);
CREATE INDEX voicemail_blob ON voicemail (blob);

CREATE TABLE trunk (
    id        TEXT PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    uri       TEXT NOT NULL,
    transport TEXT NOT NULL,
    register  BOOLEAN NOT NULL,
    username  TEXT NOT NULL,
    secret    TEXT NOT NULL,
    priority  BIGINT NOT NULL,
    format    TEXT NOT NULL,
    t38       BOOLEAN NOT NULL
);

-- The office's own numbers outside, and whom each rings.
CREATE TABLE line (
    number TEXT PRIMARY KEY,
    fax    BOOLEAN NOT NULL,
    menu   BOOLEAN NOT NULL
);
CREATE TABLE line_extension (
    line      TEXT NOT NULL REFERENCES line (number) ON DELETE CASCADE,
    extension TEXT NOT NULL REFERENCES extension (number) ON DELETE CASCADE,
    place     BIGINT NOT NULL,
    PRIMARY KEY (line, extension)
);
CREATE INDEX line_extension_extension ON line_extension (extension);

CREATE TABLE mailing (
    id     BIGINT PRIMARY KEY CHECK (id = 1),
    url    TEXT NOT NULL,
    sender TEXT NOT NULL,
    secret TEXT NOT NULL
);

-- E-mail that is to be sent; a row goes when it was. account is empty where it
-- is for the administrator. next_at is null where it has been given up; while
-- lease_until has not come, somebody sends it.
CREATE TABLE mail (
    id          TEXT PRIMARY KEY,
    account     TEXT NOT NULL,
    recipient   TEXT NOT NULL,
    kind        TEXT NOT NULL,
    notice      TEXT NOT NULL,
    message_id  TEXT NOT NULL,
    next_at     BIGINT,
    lease_until BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    last_error  TEXT NOT NULL,
    failed_at   BIGINT NOT NULL,
    held        BOOLEAN NOT NULL DEFAULT FALSE,
    created_at  BIGINT NOT NULL
);
CREATE INDEX mail_due ON mail (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX mail_account ON mail (account);

-- What each account talked with the outside on a day of the office's calendar.
CREATE TABLE talk (
    account TEXT NOT NULL REFERENCES account (id),
    day     TEXT NOT NULL,
    calls   BIGINT NOT NULL,
    millis  BIGINT NOT NULL,
    PRIMARY KEY (account, day)
);

-- +goose Down
DROP TABLE talk;
DROP TABLE mail;
DROP TABLE mailing;
DROP TABLE line_extension;
DROP TABLE line;
DROP TABLE trunk;
DROP INDEX voicemail_blob;
DROP TABLE greeting;
DROP TABLE settings;
DROP TABLE entry;
DELETE FROM feed WHERE account = 'directory';
DELETE FROM tombstone WHERE account = 'directory';
DELETE FROM account WHERE id = 'directory';
ALTER TABLE call DROP COLUMN quality;
ALTER TABLE call DROP COLUMN legs;
ALTER TABLE extension DROP COLUMN disabled;
ALTER TABLE extension DROP COLUMN call_limit;
ALTER TABLE extension DROP COLUMN minutes;
ALTER TABLE extension DROP COLUMN max_calls;
ALTER TABLE extension DROP COLUMN classes;
ALTER TABLE company DROP COLUMN email;

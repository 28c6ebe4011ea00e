-- What only the client knows. These tables are never dropped.
-- +goose Up
CREATE TABLE outbox (
	seq        INTEGER PRIMARY KEY AUTOINCREMENT,
	type       TEXT NOT NULL,              -- JMAP type of the object
	object     TEXT NOT NULL,
	action     TEXT NOT NULL,              -- 'mark' or 'destroy'
	value      TEXT NOT NULL,              -- of a mark: the patch as JSON
	not_before BIGINT NOT NULL,            -- Unix ms; a destroy can be undone until then
	attempts   BIGINT NOT NULL DEFAULT 0,  -- how often it was sent: from one on, nobody knows whether it arrived
	reason     TEXT,                       -- why the server refused it; NULL: it waits
	refused_at BIGINT
);
CREATE INDEX outbox_object ON outbox (object, seq);

CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) WITHOUT ROWID;

-- One counter per kind of change, so that other processes see it.
CREATE TABLE stamp (
	kind TEXT PRIMARY KEY,
	n    BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO stamp (kind, n) VALUES ('Voicemail', 0), ('Call', 0), ('meta', 0);

-- +goose Down
DROP TABLE stamp;
DROP TABLE meta;
DROP TABLE outbox;

-- All types of the office, their parties for searching, and sealed files. What
-- the server told before is read anew. It is not taken back: a program that does
-- not know these tables refuses the copy.
-- +goose Up
ALTER TABLE outbox ADD COLUMN base TEXT NOT NULL DEFAULT '';     -- of a patch of settings: property → the values that the server may have and nobody else has changed it
ALTER TABLE outbox ADD COLUMN theirs TEXT NOT NULL DEFAULT '';   -- of a refused patch: the server's values of the same properties
ALTER TABLE outbox ADD COLUMN file TEXT NOT NULL DEFAULT '';     -- the file in the outbox folder that the row owns
ALTER TABLE outbox ADD COLUMN blob_id TEXT NOT NULL DEFAULT '';  -- what the server calls that file once it is uploaded
ALTER TABLE outbox ADD COLUMN made_at BIGINT NOT NULL DEFAULT 0; -- Unix ms
DROP INDEX outbox_object;
CREATE INDEX outbox_object ON outbox (object, type, seq);

-- The user's own address book. The server never sees it.
CREATE TABLE contact (
	id     INTEGER PRIMARY KEY,
	name   TEXT NOT NULL,
	number TEXT NOT NULL,
	label  TEXT NOT NULL,
	folded TEXT NOT NULL,              -- the words of the name, each with a space before it
	UNIQUE (number, name)
);

INSERT INTO stamp (kind, n) VALUES ('Fax', 0), ('Extension', 0), ('settings', 0), ('contact', 0);

DROP TABLE audio;
DROP TABLE call;
DROP TABLE voicemail;
DROP TABLE state;

CREATE TABLE state (
	type       TEXT PRIMARY KEY,
	state      TEXT NOT NULL,               -- opaque; '' until the first page of the first full read
	round      BIGINT NOT NULL DEFAULT 0,   -- counts full reads; rows of an older round are gone on the server
	reading    BOOLEAN NOT NULL DEFAULT FALSE, -- that round is not complete
	read_state TEXT NOT NULL DEFAULT '',    -- the server's state when that round began; '' before its first page
	read_after TEXT NOT NULL DEFAULT ''     -- the last id that it brought
) WITHOUT ROWID;

-- Who took part in calls, messages and faxes, each number with each name once. A
-- row never changes, and its id is never used again.
CREATE TABLE party (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	number TEXT NOT NULL,
	name   TEXT NOT NULL,
	folded TEXT NOT NULL,              -- the words of the name, each with a space before it
	UNIQUE (number, name)
);
-- The words of the names and every end of the digits of the numbers; its docid is
-- the party's id.
CREATE VIRTUAL TABLE party_text USING fts4(content="", matchinfo=fts3, text);

CREATE TABLE call (
	id           TEXT PRIMARY KEY,
	started_at   BIGINT NOT NULL,      -- Unix ms
	kind         TEXT NOT NULL,
	party        BIGINT NOT NULL,
	outcome      TEXT NOT NULL,
	reason       TEXT NOT NULL,
	answered_at  BIGINT,               -- Unix ms
	ring         BIGINT NOT NULL,      -- seconds
	duration     BIGINT NOT NULL,      -- seconds
	answered_by  TEXT NOT NULL,
	forwarded_to TEXT NOT NULL,
	enc_local    TEXT NOT NULL,
	enc_remote   TEXT NOT NULL,
	quality      TEXT NOT NULL,        -- as the server sent it; '' where nobody measured
	round        BIGINT NOT NULL
);
CREATE INDEX call_time ON call (started_at);
CREATE INDEX call_kind ON call (kind, started_at);
CREATE INDEX call_party ON call (party, started_at);

-- Of these, body is the object as the server sent it.
CREATE TABLE voicemail (
	id          TEXT PRIMARY KEY,
	received_at BIGINT NOT NULL,       -- Unix ms
	party       BIGINT NOT NULL,
	is_new      BOOLEAN NOT NULL,
	blob_id     TEXT NOT NULL,
	round       BIGINT NOT NULL,
	body        TEXT NOT NULL
);
CREATE INDEX voicemail_time ON voicemail (received_at);
CREATE INDEX voicemail_blob ON voicemail (blob_id);

CREATE TABLE fax (
	id         TEXT PRIMARY KEY,
	created_at BIGINT NOT NULL,        -- Unix ms
	party      BIGINT NOT NULL,
	client_ref TEXT NOT NULL,
	is_new     BOOLEAN NOT NULL,
	blob_id    TEXT NOT NULL,
	round      BIGINT NOT NULL,
	body       TEXT NOT NULL
);
CREATE INDEX fax_time ON fax (created_at);
CREATE INDEX fax_ref ON fax (client_ref);
CREATE INDEX fax_blob ON fax (blob_id);

CREATE TABLE extension (
	id     TEXT PRIMARY KEY,
	number TEXT NOT NULL,
	name   TEXT NOT NULL,
	folded TEXT NOT NULL,              -- the words of the name, each with a space before it
	round  BIGINT NOT NULL
);
CREATE INDEX extension_number ON extension (number);

-- The types of which an account has one object.
CREATE TABLE setting (
	type  TEXT PRIMARY KEY,
	round BIGINT NOT NULL,
	body  TEXT NOT NULL
) WITHOUT ROWID;

-- Sealed files in the cache.
CREATE TABLE blob (
	id       TEXT PRIMARY KEY,
	size     BIGINT NOT NULL,          -- octets of the plain content
	salt     BLOB NOT NULL,            -- of the file's key: all processes that download write the same octets
	complete BOOLEAN NOT NULL          -- false while it is being downloaded
) WITHOUT ROWID;

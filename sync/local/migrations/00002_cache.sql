-- What the server told. A migration may drop these tables: the next pull fills
-- them again, because a type without a state is read from the start.
-- +goose Up
CREATE TABLE state (
	type  TEXT PRIMARY KEY,
	state TEXT NOT NULL,               -- opaque; '' until the first full read is complete
	round BIGINT NOT NULL DEFAULT 0    -- counts full reads; rows of an older round are gone on the server
) WITHOUT ROWID;

CREATE TABLE voicemail (
	id          TEXT PRIMARY KEY,
	received_at BIGINT NOT NULL,       -- Unix ms
	is_new      BOOLEAN NOT NULL,
	blob_id     TEXT NOT NULL,
	folded      TEXT NOT NULL,         -- name and number for searching
	round       BIGINT NOT NULL,
	body        TEXT NOT NULL          -- the object as the server sent it
);
CREATE INDEX voicemail_time ON voicemail (received_at DESC, id DESC);
CREATE INDEX voicemail_blob ON voicemail (blob_id);

CREATE TABLE call (
	id         TEXT PRIMARY KEY,
	started_at BIGINT NOT NULL,        -- Unix ms
	kind       TEXT NOT NULL,
	folded     TEXT NOT NULL,
	round      BIGINT NOT NULL,
	body       TEXT NOT NULL
);
CREATE INDEX call_time ON call (started_at DESC, id DESC);
CREATE INDEX call_kind ON call (kind, started_at DESC, id DESC);

CREATE TABLE audio (
	blob_id TEXT PRIMARY KEY,
	size    BIGINT NOT NULL
) WITHOUT ROWID;

-- +goose Down
DROP TABLE audio;
DROP TABLE call;
DROP TABLE voicemail;
DROP TABLE state;

PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO goose_db_version VALUES(1,0,1,'2026-11-23 07:00:00');
INSERT INTO goose_db_version VALUES(2,1,1,'2026-11-23 07:00:00');
INSERT INTO goose_db_version VALUES(3,2,1,'2026-11-23 07:00:00');
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
INSERT INTO outbox VALUES(1,'Voicemail','v1','mark','{"isNew":false}',0,1,NULL,NULL);
INSERT INTO outbox VALUES(2,'Voicemail','v2','destroy','{}',0,0,NULL,NULL);
INSERT INTO outbox VALUES(3,'Voicemail','v3','destroy','{}',0,1,'forbidden',1763899200000);
CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO meta VALUES('profile','{"server":"https://office.test"}');
CREATE TABLE stamp (
	kind TEXT PRIMARY KEY,
	n    BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO stamp VALUES('Call',0);
INSERT INTO stamp VALUES('Voicemail',0);
INSERT INTO stamp VALUES('meta',0);
CREATE TABLE state (
	type  TEXT PRIMARY KEY,
	state TEXT NOT NULL,               -- opaque; '' until the first full read is complete
	round BIGINT NOT NULL DEFAULT 0    -- counts full reads; rows of an older round are gone on the server
) WITHOUT ROWID;
INSERT INTO state VALUES('Voicemail','e.7',1);
CREATE TABLE voicemail (
	id          TEXT PRIMARY KEY,
	received_at BIGINT NOT NULL,       -- Unix ms
	is_new      BOOLEAN NOT NULL,
	blob_id     TEXT NOT NULL,
	folded      TEXT NOT NULL,         -- name and number for searching
	round       BIGINT NOT NULL,
	body        TEXT NOT NULL          -- the object as the server sent it
);
INSERT INTO voicemail VALUES('v1',1763899200000,1,'bv1','+525555550199',1,'{"id":"v1","from":{"number":"+525555550199","name":""},"receivedAt":"2026-11-23T12:00:00Z","isNew":true,"blobId":"bv1"}');
CREATE TABLE call (
	id         TEXT PRIMARY KEY,
	started_at BIGINT NOT NULL,        -- Unix ms
	kind       TEXT NOT NULL,
	folded     TEXT NOT NULL,
	round      BIGINT NOT NULL,
	body       TEXT NOT NULL
);
CREATE TABLE audio (
	blob_id TEXT PRIMARY KEY,
	size    BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO audio VALUES('bv1',3);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('goose_db_version',3);
INSERT INTO sqlite_sequence VALUES('outbox',3);
CREATE INDEX outbox_object ON outbox (object, seq);
CREATE INDEX voicemail_time ON voicemail (received_at DESC, id DESC);
CREATE INDEX voicemail_blob ON voicemail (blob_id);
CREATE INDEX call_time ON call (started_at DESC, id DESC);
CREATE INDEX call_kind ON call (kind, started_at DESC, id DESC);
COMMIT;

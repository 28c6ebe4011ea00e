-- Every row of the outbox has a copy in a file of its own, which survives damage
-- to this file. The triggers tell which rows a transaction touched. How often a row
-- was sent and when it may be are not worth a copy.
-- +goose Up
CREATE TABLE outbox_touched (seq INTEGER PRIMARY KEY);
-- +goose StatementBegin
CREATE TRIGGER outbox_added AFTER INSERT ON outbox BEGIN
	INSERT INTO outbox_touched (seq) SELECT new.seq WHERE new.seq NOT IN (SELECT seq FROM outbox_touched);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER outbox_changed AFTER UPDATE OF object, value, reason, refused_at, base, theirs, blob_id, made_at ON outbox BEGIN
	INSERT INTO outbox_touched (seq) SELECT new.seq WHERE new.seq NOT IN (SELECT seq FROM outbox_touched);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER outbox_removed AFTER DELETE ON outbox BEGIN
	INSERT INTO outbox_touched (seq) SELECT old.seq WHERE old.seq NOT IN (SELECT seq FROM outbox_touched);
END;
-- +goose StatementEnd

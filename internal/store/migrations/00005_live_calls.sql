-- A live call is found by its account and the number 0, where its changes are
-- found too: an index of its own cost each call two rows that it soon lost again.

-- +goose Up
DROP INDEX call_live;

-- +goose Down
CREATE INDEX call_live ON call (id) WHERE outcome = '';

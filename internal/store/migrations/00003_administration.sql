-- +goose Up

-- What administrators did, or tried to. result is empty while it is being done,
-- and stays so where the server was killed meanwhile.
CREATE TABLE audit (
    id     TEXT PRIMARY KEY,
    at     BIGINT NOT NULL,
    who    TEXT NOT NULL,
    what   TEXT NOT NULL,
    about  TEXT NOT NULL,
    result TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at, id);

CREATE TABLE admin_token (
    name       TEXT PRIMARY KEY,
    token      TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

-- The one invitation by which an extension's user may still choose a password.
CREATE TABLE invitation (
    account    TEXT PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    token      TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- What is not to be done twice before a time: answers given, notices sent.
-- account is empty where it is the office's.
CREATE TABLE memo (
    account TEXT NOT NULL,
    name    TEXT NOT NULL,
    value   TEXT NOT NULL,
    until   BIGINT NOT NULL,
    PRIMARY KEY (account, name)
);
CREATE INDEX memo_until ON memo (until);

-- +goose Down
DROP TABLE memo;
DROP TABLE invitation;
DROP TABLE admin_token;
DROP TABLE audit;

-- The answers to changes that were asked for with an Idempotency-Key, to be given again.

CREATE TABLE idempotency (
    account     TEXT    NOT NULL REFERENCES accounts (account),
    key         TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,          -- of the request: SHA-256, hex
    status      INTEGER NOT NULL,
    headers     TEXT    NOT NULL,          -- a JSON object
    body        BLOB    NOT NULL,          -- compressed (zlib)
    created     TEXT    NOT NULL,
    PRIMARY KEY (account, key)
) STRICT;

CREATE INDEX idempotency_by_age ON idempotency (account, created);

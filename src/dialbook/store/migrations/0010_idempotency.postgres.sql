-- The answers to changes that were asked for with an Idempotency-Key, to be given again.

CREATE TABLE idempotency (
    account     text COLLATE "C" NOT NULL REFERENCES accounts (account),
    key         text COLLATE "C" NOT NULL,
    fingerprint text NOT NULL,             -- of the request: SHA-256, hex
    status      bigint NOT NULL,
    headers     text NOT NULL,             -- a JSON object
    body        bytea NOT NULL,            -- compressed (zlib)
    created     text COLLATE "C" NOT NULL,
    PRIMARY KEY (account, key)
);

CREATE INDEX idempotency_by_age ON idempotency (account, created);

-- Accounts, their keys, their contacts and their lists.
-- Every key begins with the account, and every statement on an account's data names it: see ARCHITECTURE.md.

CREATE TABLE accounts (
    account TEXT NOT NULL PRIMARY KEY,
    region  TEXT NOT NULL,             -- ISO 3166; national numbers are read as dialled there
    created TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
    key        TEXT NOT NULL PRIMARY KEY,
    account    TEXT NOT NULL REFERENCES accounts (account),
    token_hash TEXT NOT NULL,          -- SHA-256, hex; the token itself is shown once and kept nowhere
    name       TEXT,
    scopes     TEXT NOT NULL,          -- blank-separated
    created    TEXT NOT NULL,
    expires    TEXT,
    revoked    TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX api_keys_by_account ON api_keys (account, created);

-- One address book an account: how much is in it, moved together with what is in it.
CREATE TABLE books (
    account       TEXT    NOT NULL PRIMARY KEY REFERENCES accounts (account),
    contact_count INTEGER NOT NULL DEFAULT 0,
    list_count    INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE contacts (
    account      TEXT NOT NULL REFERENCES accounts (account),
    sid          TEXT NOT NULL,
    number       TEXT NOT NULL,        -- E.164
    first_name   TEXT,
    last_name    TEXT,
    company_name TEXT,
    email        TEXT,
    tag          TEXT,
    custom_field TEXT,                 -- JSON
    created      TEXT NOT NULL,        -- UTC in whole seconds, as on the wire
    updated      TEXT NOT NULL,
    search_key   TEXT,                 -- the case-folded full name
    PRIMARY KEY (account, sid),
    UNIQUE (account, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX contacts_by_created    ON contacts (account, created, sid);
CREATE INDEX contacts_by_updated    ON contacts (account, updated, sid);
CREATE INDEX contacts_by_first_name ON contacts (account, first_name, sid);
CREATE INDEX contacts_by_last_name  ON contacts (account, last_name, sid);

CREATE TABLE lists (
    account       TEXT    NOT NULL REFERENCES accounts (account),
    sid           TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    tag           TEXT,
    type          TEXT    NOT NULL,
    contact_count INTEGER NOT NULL DEFAULT 0,
    created       TEXT    NOT NULL,
    updated       TEXT    NOT NULL,
    next_position INTEGER NOT NULL DEFAULT 0,
    search_key    TEXT    NOT NULL,    -- the case-folded name
    PRIMARY KEY (account, sid),
    UNIQUE (account, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX lists_by_created ON lists (account, created, sid);
CREATE INDEX lists_by_updated ON lists (account, updated, sid);

-- Position grows by one per contact that joins a list and never changes; leaving makes a gap.
CREATE TABLE members (
    account  TEXT    NOT NULL,
    list     TEXT    NOT NULL,
    position INTEGER NOT NULL,
    contact  TEXT    NOT NULL,
    joined   TEXT    NOT NULL,
    PRIMARY KEY (account, list, position),
    UNIQUE (account, contact, list),
    FOREIGN KEY (account, list) REFERENCES lists (account, sid),
    FOREIGN KEY (account, contact) REFERENCES contacts (account, sid)
) STRICT, WITHOUT ROWID;

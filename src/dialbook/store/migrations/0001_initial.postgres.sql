-- Accounts, their keys, their contacts and their lists: the tables of the SQLite schema, in PostgreSQL's words.
-- COLLATE "C" compares text by its bytes, as SQLite does, whatever the operating system's rules are this year.

-- accounts and api_keys are small and asked for by any key: reference tables, should the others be distributed.
CREATE TABLE accounts (
    account text COLLATE "C" NOT NULL PRIMARY KEY,
    region  text NOT NULL,             -- ISO 3166; national numbers are read as dialled there
    created text COLLATE "C" NOT NULL
);

CREATE TABLE api_keys (
    key        text COLLATE "C" NOT NULL PRIMARY KEY,
    account    text COLLATE "C" NOT NULL REFERENCES accounts (account),
    token_hash text NOT NULL,          -- SHA-256, hex; the token itself is shown once and kept nowhere
    name       text,
    scopes     text NOT NULL,          -- blank-separated
    created    text COLLATE "C" NOT NULL,
    expires    text COLLATE "C",
    revoked    text COLLATE "C"
);

CREATE INDEX api_keys_by_account ON api_keys (account, created);

-- One address book an account: how much is in it, moved together with what is in it.
CREATE TABLE books (
    account       text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES accounts (account),
    contact_count bigint NOT NULL DEFAULT 0,
    list_count    bigint NOT NULL DEFAULT 0
);

CREATE TABLE contacts (
    account      text COLLATE "C" NOT NULL REFERENCES accounts (account),
    sid          text COLLATE "C" NOT NULL,
    number       text COLLATE "C" NOT NULL,  -- E.164
    first_name   text COLLATE "C",
    last_name    text COLLATE "C",
    company_name text,
    email        text,
    tag          text COLLATE "C",
    custom_field text,                       -- JSON
    created      text COLLATE "C" NOT NULL,  -- UTC in whole seconds, as on the wire
    updated      text COLLATE "C" NOT NULL,
    search_key   text COLLATE "C",           -- the case-folded full name
    PRIMARY KEY (account, sid)
);

-- What is not there counts as the smallest: an index that is read forwards ascends, and read backwards descends.
CREATE UNIQUE INDEX contacts_by_number ON contacts (account, number NULLS FIRST);
CREATE INDEX contacts_by_created       ON contacts (account, created    NULLS FIRST, sid NULLS FIRST);
CREATE INDEX contacts_by_updated       ON contacts (account, updated    NULLS FIRST, sid NULLS FIRST);
CREATE INDEX contacts_by_first_name    ON contacts (account, first_name NULLS FIRST, sid NULLS FIRST);
CREATE INDEX contacts_by_last_name     ON contacts (account, last_name  NULLS FIRST, sid NULLS FIRST);

CREATE TABLE lists (
    account       text COLLATE "C" NOT NULL REFERENCES accounts (account),
    sid           text COLLATE "C" NOT NULL,
    name          text COLLATE "C" NOT NULL,
    tag           text,
    type          text NOT NULL,
    contact_count bigint NOT NULL DEFAULT 0,
    created       text COLLATE "C" NOT NULL,
    updated       text COLLATE "C" NOT NULL,
    next_position bigint NOT NULL DEFAULT 0,
    search_key    text COLLATE "C" NOT NULL,  -- the case-folded name
    PRIMARY KEY (account, sid)
);

CREATE UNIQUE INDEX lists_by_name ON lists (account, name NULLS FIRST);
CREATE INDEX lists_by_created     ON lists (account, created NULLS FIRST, sid NULLS FIRST);
CREATE INDEX lists_by_updated     ON lists (account, updated NULLS FIRST, sid NULLS FIRST);

-- Position grows by one per contact that joins a list and never changes; leaving makes a gap.
CREATE TABLE members (
    account  text COLLATE "C" NOT NULL,
    list     text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    contact  text COLLATE "C" NOT NULL,
    joined   text COLLATE "C" NOT NULL,
    PRIMARY KEY (account, list, position),
    UNIQUE (account, contact, list),
    FOREIGN KEY (account, list) REFERENCES lists (account, sid),
    FOREIGN KEY (account, contact) REFERENCES contacts (account, sid)
);

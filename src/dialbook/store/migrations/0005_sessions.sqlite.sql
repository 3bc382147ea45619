-- Who is signed in to the console; and links that sign somebody in, once.

CREATE TABLE sessions (
    token_hash TEXT NOT NULL PRIMARY KEY,  -- SHA-256, hex; the token itself is with the browser alone
    account    TEXT NOT NULL REFERENCES accounts (account),
    key        TEXT NOT NULL,
    is_link    INTEGER NOT NULL,
    created    TEXT NOT NULL,
    used       TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_account ON sessions (account, used);

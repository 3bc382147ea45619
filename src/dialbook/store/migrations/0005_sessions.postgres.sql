-- Who is signed in to the console; and links that sign somebody in, once.

-- Asked for by any token: a reference table, should the others be distributed.
CREATE TABLE sessions (
    token_hash text COLLATE "C" NOT NULL PRIMARY KEY,  -- SHA-256, hex; the token itself is with the browser alone
    account    text COLLATE "C" NOT NULL REFERENCES accounts (account),
    key        text COLLATE "C" NOT NULL,
    is_link    bigint NOT NULL,
    created    text COLLATE "C" NOT NULL,
    used       text COLLATE "C" NOT NULL
);

CREATE INDEX sessions_by_account ON sessions (account, used);

-- Who has a name is looked up by the runs of three characters in it (trigrams).

-- The contacts that have one; row is name_row(account, sid), by which the index knows them.
CREATE TABLE contact_names (
    account TEXT    NOT NULL,
    row     INTEGER NOT NULL PRIMARY KEY,
    sid     TEXT    NOT NULL,
    name    TEXT    NOT NULL           -- the contact's search_key
) STRICT;

-- Rows of all accounts; which of them have a trigram, not where in the name.
CREATE VIRTUAL TABLE name_trigrams USING fts5 (
    name, content = 'contact_names', content_rowid = 'row', tokenize = "trigram case_sensitive 1",
    detail = none, columnsize = 0
);

-- What is deleted leaves no bytes here either.
INSERT INTO name_trigrams (name_trigrams, rank) VALUES ('secure-delete', 1);

INSERT INTO contact_names (account, row, sid, name)
SELECT c.account, name_row(c.account, c.sid), c.sid, c.search_key
FROM contacts AS c
WHERE c.search_key IS NOT NULL
ORDER BY 2;

INSERT INTO name_trigrams (name_trigrams) VALUES ('rebuild');

-- What SQLite has to know of members to find those of a contact by their index, and not among all of the account: without
-- any figures it takes the table's own key, however little of it is asked for. They tell how many rows there are, and how
-- many have the same first column, the same first two, and so on. Made up, so that plans are the same in each book.

ANALYZE accounts;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('members', 'members', '1000000 100000 10000 1'),
    ('members', 'sqlite_autoindex_members_2', '1000000 100000 2 1');

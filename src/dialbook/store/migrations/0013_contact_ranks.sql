-- How many contacts were made on each day and at each moment: where in their order a page begins is added up from these.

-- A day is '2026-01-05', a moment of ten seconds '2026-01-05T09:30:1'.
INSERT INTO tallies (account, kind, value, live)
SELECT c.account, 'made-moment', substr(c.created, 1, 18), count(*) FROM contacts AS c GROUP BY 1, 2, 3;

INSERT INTO tallies (account, kind, value, live)
SELECT t.account, 'made-day', substr(t.value, 1, 10), CAST(sum(t.live) AS bigint)
FROM tallies AS t
WHERE t.kind = 'made-moment'
GROUP BY 1, 2, 3;

-- Each account has a log from its beginning on, so that one whose log is lost is known by that. Accounts from before there
-- were logs, in which nothing was changed since, had none.

INSERT INTO audit_chains (account, number, hash, pruned, pruned_hash)
SELECT a.account, 0, '', 0, ''
FROM accounts AS a
WHERE NOT EXISTS (SELECT 1 FROM audit_chains AS c WHERE c.account = a.account)
AND NOT EXISTS (SELECT 1 FROM audit_entries AS e WHERE e.account = a.account);

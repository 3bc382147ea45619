-- That keys were sealed was noted in the log of an account whose name was the secret. Such a log has nothing else in it
-- but notes of pruning; a secret has 32 characters or more. Nobody misses the log of a deleted account that was pruned to
-- the same.

DELETE FROM audit_chains
WHERE length(account) >= 32
AND NOT EXISTS (SELECT 1 FROM accounts AS a WHERE a.account = audit_chains.account)
AND NOT EXISTS (
    SELECT 1 FROM audit_entries AS e
    WHERE e.account = audit_chains.account AND e.action NOT IN ('seal_keys', 'prune_audit')
);

-- Entries that are without their chain otherwise are those of a damaged log, and stay.
DELETE FROM audit_entries
WHERE length(account) >= 32
AND action IN ('seal_keys', 'prune_audit')
AND NOT EXISTS (SELECT 1 FROM accounts AS a WHERE a.account = audit_entries.account)
AND NOT EXISTS (SELECT 1 FROM audit_chains AS c WHERE c.account = audit_entries.account);

"""With which secret the hashes of tokens are sealed (docs/decisions/0030-keys.md)."""

from datetime import datetime

from dialbook.model.audit import Effect
from dialbook.model.credentials import mark_of, seal
from dialbook.model.errors import Invalid
from dialbook.model.moment import utc_text
from dialbook.store.database import Tx


def seal_keys(tx: Tx, account: str, *, secret: str) -> Effect:
    """Seal the hashes of those of an account's keys that are not sealed with any secret."""
    plain = tx.all(
        "SELECT k.key, k.token_hash FROM api_keys AS k WHERE k.account = :account AND k.token_hash NOT LIKE '%:%'",
        account=account,
    )
    counts = tx.run_each(
        "UPDATE api_keys SET token_hash = :sealed WHERE account = :account AND key = :key AND token_hash = :plain",
        [{"account": account, "key": key, "plain": each, "sealed": seal(each, secret)} for key, each in plain],
    )
    return Effect([key for key, _ in plain], succeeded=sum(counts))


def count_other_seals(tx: Tx, secret: str, *, now: datetime) -> int:
    """How many live keys open nothing where this secret is set, since their hashes are sealed with another, or none."""
    row = tx.one(
        """
        SELECT count(*) FROM api_keys AS k
        WHERE k.revoked IS NULL AND (k.expires IS NULL OR k.expires > :now)
        AND substr(k.token_hash, 1, length(k.token_hash) - 64) <> :mark
        """,
        now=utc_text(now),
        mark=mark_of(secret),
    )
    return int(row[0]) if row else 0


def refuse_other_seals(tx: Tx, secret: str, *, now: datetime) -> None:
    """Refuse to go on with a secret that is not the one of all live keys.

    Raises:
        Invalid: it is not.
    """
    if count := count_other_seals(tx, secret, now=now):
        raise Invalid(
            f"token_secret is not the one that live keys were made with ({count} of them): their hashes are sealed "
            "with another, or with none. Set the one that they were made with; or seal those that are not sealed, by "
            "'dialbook key seal'; or revoke them."
        )

"""Sessions of the console: of each the hash of its token is kept, as of API tokens."""

from datetime import datetime

from dialbook.model.account import ApiKey, hash_token
from dialbook.model.ids import new_api_token
from dialbook.model.moment import utc_text
from dialbook.model.session import LONGEST, Session
from dialbook.store.accounts import find_key
from dialbook.store.database import Tx


def open_session(tx: Tx, key: ApiKey, *, now: datetime) -> str:
    """Sign somebody in, and return the session's token; sessions of the account that have run out are forgotten."""
    tx.run(
        "DELETE FROM sessions WHERE account = :account AND used < :before",
        account=key.account,
        before=utc_text(now - LONGEST),
    )
    return _create(tx, key.account, key.key, now, is_link=False)


def make_link(tx: Tx, account: str, key: str, *, now: datetime) -> str:
    """Return a token that signs somebody in once, for as long as a session lives without a request."""
    return _create(tx, account, key, now, is_link=True)


def follow_link(tx: Tx, token: str, *, now: datetime) -> str | None:
    """Open a session in exchange for a link's token; None when the link opens nothing, or not any more."""
    session = _find(tx, token, is_link=True)
    if session is None or not session.is_live(now):
        return None
    close_session(tx, token)
    return open_session(tx, session.key, now=now)


def find_session(tx: Tx, token: str) -> Session | None:
    """The session that has the token."""
    return _find(tx, token, is_link=False)


def note_session(tx: Tx, token: str, *, now: datetime) -> None:
    """Remember that a session was used."""
    tx.run("UPDATE sessions SET used = :now WHERE token_hash = :hash", now=utc_text(now), hash=hash_token(token))


def close_session(tx: Tx, token: str) -> None:
    """Sign out; a token that opens nothing is no error."""
    tx.run("DELETE FROM sessions WHERE token_hash = :hash", hash=hash_token(token))


def _create(tx: Tx, account: str, key: str, now: datetime, *, is_link: bool) -> str:
    token = new_api_token()
    tx.run(
        """
        INSERT INTO sessions (token_hash, account, key, is_link, created, used)
        VALUES (:hash, :account, :key, :is_link, :now, :now)
        """,
        hash=hash_token(token),
        account=account,
        key=key,
        is_link=int(is_link),
        now=utc_text(now),
    )
    return token


def _find(tx: Tx, token: str, *, is_link: bool) -> Session | None:
    row = tx.one(
        "SELECT s.key, s.created, s.used FROM sessions AS s WHERE s.token_hash = :hash AND s.is_link = :is_link",
        hash=hash_token(token),
        is_link=int(is_link),
    )
    found = find_key(tx, row[0]) if row else None
    return Session(*found, *row[1:]) if row and found else None

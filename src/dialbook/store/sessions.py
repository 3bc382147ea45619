"""Sessions of the console, and links that sign in once: each is known by the hash of its token."""

from datetime import datetime

from dialbook.model.audit import Author, Effect, Via
from dialbook.model.errors import Unauthorized
from dialbook.model.moment import utc_text
from dialbook.model.session import LONGEST, Session, SignIn
from dialbook.store.accounts import find_key, is_key_open
from dialbook.store.audit import note
from dialbook.store.books import lock_book
from dialbook.store.database import Tx


def open_session(tx: Tx, account: str, sign_in: SignIn) -> None:
    """Sign somebody in, and note it; sessions of the account that have run out are forgotten.

    Raises:
        Unauthorized: the key was closed since it was looked up, or its account deleted.
    """
    key, now = sign_in.key, sign_in.moment
    lock_book(tx, account)
    if not is_key_open(tx, key=key, now=now):
        raise Unauthorized("This API key was closed meanwhile.")
    close_sessions(tx, *sign_in.former)
    tx.run(
        "DELETE FROM sessions WHERE account = :account AND used < :before",
        account=account,
        before=utc_text(now - LONGEST),
    )
    note(tx, account, Author(Via.CONSOLE, now, key, sign_in.request), "open_session", Effect(succeeded=1))
    _create(tx, account, key, sign_in.token_hash, now, is_link=False)


def make_link(tx: Tx, account: str, key: str, token_hash: str, *, now: datetime) -> None:
    """Let a token sign somebody in once, for as long as a session lives without a request."""
    _create(tx, account, key, token_hash, now, is_link=True)


def follow_link(tx: Tx, account: str, link_hash: str, sign_in: SignIn) -> bool:
    """Open a session in exchange for a link that was found, as `open_session`; say whether it was still there.

    Raises:
        Unauthorized: as `open_session`.
    """
    # Of those who follow it at the same moment all have found it; one takes it away.
    if not close_sessions(tx, link_hash):
        return False
    open_session(tx, account, sign_in)
    return True


def find_link(tx: Tx, link_hash: str, *, now: datetime) -> Session | None:
    """The session that a link opens, if it opens one at the moment `now`."""
    session = _find(tx, link_hash, is_link=True)
    return session if session and session.is_live(now) else None


def find_session(tx: Tx, token_hash: str) -> Session | None:
    """The session that has the token."""
    return _find(tx, token_hash, is_link=False)


def is_session_open(tx: Tx, *, token_hash: str, now: datetime) -> bool:
    """Whether a session that was looked up before is still there, with a live key; however long it was idle since."""
    session = find_session(tx, token_hash)
    return session is not None and session.key.is_live(now)


def note_session(tx: Tx, token_hash: str, *, now: datetime) -> None:
    """Remember that a session was used."""
    tx.run("UPDATE sessions SET used = :now WHERE token_hash = :hash", now=utc_text(now), hash=token_hash)


def close_sessions(tx: Tx, *token_hashes: str) -> int:
    """Sign out; return how many of the tokens opened anything."""
    return sum(tx.run("DELETE FROM sessions WHERE token_hash = :hash", hash=each) for each in token_hashes)


def _create(tx: Tx, account: str, key: str, token_hash: str, now: datetime, *, is_link: bool) -> None:
    tx.run(
        """
        INSERT INTO sessions (token_hash, account, key, is_link, created, used)
        VALUES (:hash, :account, :key, :is_link, :now, :now)
        """,
        hash=token_hash,
        account=account,
        key=key,
        is_link=int(is_link),
        now=utc_text(now),
    )


def _find(tx: Tx, token_hash: str, *, is_link: bool) -> Session | None:
    row = tx.one(
        "SELECT s.key, s.created, s.used FROM sessions AS s WHERE s.token_hash = :hash AND s.is_link = :is_link",
        hash=token_hash,
        is_link=int(is_link),
    )
    found = find_key(tx, row[0]) if row else None
    return Session(token_hash, *found, *row[1:]) if row and found else None

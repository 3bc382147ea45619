"""Who is signed in: the cookie, and the session that it names."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from dialbook.console.cookies import cookies_of
from dialbook.model.credentials import hash_token
from dialbook.model.errors import Unavailable
from dialbook.model.session import LONGEST, Session
from dialbook.server.context import now_of, service_of
from dialbook.store import sessions as store
from dialbook.store.database import Database

HOME = "/console"
SIGN_IN = "/console/sign-in"

# A browser takes and sends the first over HTTPS alone, and to this host alone (RFC 6265bis, section 4.1.3).
COOKIE_HTTPS, COOKIE_HTTP = "__Host-dialbook", "dialbook"

MOMENT = 0.5  # seconds that a page waits until it is remembered that its session was used
_notes: dict[str, asyncio.Task[None]] = {}  # one for each session at a time, or they took the places of changes


def session_of(request: Request) -> Session | None:
    """Who is signed in, once it was looked up."""
    session: Session | None = request.scope.get("session")
    return session


async def find_session(request: Request) -> Session | None:
    """Look up who is signed in, if the session is live; that it was used is remembered."""
    token, service, now = token_of(request), service_of(request), now_of(request)
    if not token:
        return None
    token_hash = hash_of(request, token)
    session = await service.db.read(store.find_session, token_hash)
    if session is None or not session.is_live(now):
        return None
    if session.is_to_be_noted(now):
        await _note(service.db, token_hash, now)
    return session


async def _note(db: Database, token_hash: str, now: datetime) -> None:
    """Have it remembered that a session was used; who only looks goes on while nothing can be written."""
    if token_hash not in _notes:
        _notes[token_hash] = asyncio.create_task(_write_note(db, token_hash, now))
        _notes[token_hash].add_done_callback(lambda _: _notes.pop(token_hash))
    await asyncio.wait([_notes[token_hash]], timeout=MOMENT)


async def _write_note(db: Database, token_hash: str, now: datetime) -> None:
    with suppress(Unavailable):
        await db.write(store.note_session, token_hash, now=now)


def token_of(request: Request) -> str:
    """The session's token that the browser has; empty where it has none."""
    return next(iter(_tokens_of(request)), "")


def hashes_of(request: Request) -> Sequence[str]:
    """What is kept of each token that the browser has: over HTTPS it sends one that it got over HTTP, too."""
    return [hash_of(request, token) for token in _tokens_of(request)]


def _tokens_of(request: Request) -> Sequence[str]:
    cookies = cookies_of(request)
    return [token for name in (COOKIE_HTTPS, COOKIE_HTTP) if (token := cookies.get(name))]


def hash_of(request: Request, token: str) -> str:
    """What is kept of a session's token."""
    return hash_token(token, service_of(request).settings.token_secret)


def is_https(request: Request) -> bool:
    """Whether the browser came by HTTPS.

    A proxy in between would hide it. What tells is the origin that a browser names, and a cookie that it sends over
    HTTPS alone.
    """
    says_so = request.headers.get("origin", "").startswith("https:") or COOKIE_HTTPS in cookies_of(request)
    return says_so or request.url.scheme == "https"


def give_token(request: Request, response: Response, token: str) -> None:
    """Have the browser keep a session's token."""
    is_secure = is_https(request)
    response.set_cookie(
        COOKIE_HTTPS if is_secure else COOKIE_HTTP,
        token,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="strict",
    )


def take_token(response: Response) -> None:
    """Have the browser forget it."""
    response.delete_cookie(COOKIE_HTTPS, path="/", secure=True, httponly=True, samesite="strict")
    response.delete_cookie(COOKIE_HTTP, path="/", httponly=True, samesite="strict")

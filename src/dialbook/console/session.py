"""Who is signed in: the cookie, and the session that it names."""

from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response

from dialbook.model.errors import Unavailable
from dialbook.model.session import LONGEST, Session
from dialbook.server.context import now_of, service_of
from dialbook.store import sessions as store

HOME = "/console"
SIGN_IN = "/console/sign-in"

# A browser takes and sends the first over HTTPS alone, and to this host alone (RFC 6265bis, section 4.1.3).
COOKIE_HTTPS, COOKIE_HTTP = "__Host-dialbook", "dialbook"


def session_of(request: Request) -> Session | None:
    """Who is signed in, once it was looked up."""
    session: Session | None = request.scope.get("session")
    return session


async def find_session(request: Request) -> Session | None:
    """Look up who is signed in, if the session is live; that it was used is remembered."""
    token, service, now = token_of(request), service_of(request), now_of(request)
    session = await service.db.read(store.find_session, token) if token else None
    if session is None or not session.is_live(now):
        return None
    if session.is_to_be_noted(now):
        # Whoever only looks may go on while nothing can be written.
        with suppress(Unavailable):
            await service.db.write(store.note_session, token, now=now)
    return session


def token_of(request: Request) -> str:
    """The session's token that the browser has; empty where it has none."""
    return request.cookies.get(COOKIE_HTTPS) or request.cookies.get(COOKIE_HTTP) or ""


def give_token(request: Request, response: Response, token: str) -> None:
    """Have the browser keep a session's token."""
    # The browser says how it came here, which a proxy in between would hide.
    is_https = request.headers.get("origin", "").startswith("https:") or request.url.scheme == "https"
    response.set_cookie(
        COOKIE_HTTPS if is_https else COOKIE_HTTP,
        token,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        secure=is_https,
        httponly=True,
        samesite="strict",
    )


def take_token(response: Response) -> None:
    """Have the browser forget it."""
    response.delete_cookie(COOKIE_HTTPS, path="/", secure=True, httponly=True, samesite="strict")
    response.delete_cookie(COOKIE_HTTP, path="/", httponly=True, samesite="strict")

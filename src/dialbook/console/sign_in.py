"""Signing in, and out again."""

from starlette.requests import Request
from starlette.responses import Response

from dialbook.console.form import read_form
from dialbook.console.page import redirect, render
from dialbook.console.session import HOME, SIGN_IN, find_session, give_token, hash_of, hashes_of, take_token
from dialbook.console.view import is_led_by_another_site, lead_on
from dialbook.model.account import Account, ApiKey, Scope
from dialbook.model.credentials import new_session_token
from dialbook.model.errors import Unavailable
from dialbook.model.session import SignIn
from dialbook.server.address import client_address
from dialbook.server.auth import count_failure, present, verify
from dialbook.server.context import now_of, service_of, sid_of
from dialbook.store import sessions as store

SIGN_IN_BYTES = 4096  # so that strangers do not take what there is for the forms of all who are not signed in

NOT_CLOSED = (
    "You are signed out in this browser. The database cannot be used now, so the session itself stays open until nobody"
    " has used it for half an hour."
)


async def ask(request: Request) -> Response:
    """The form to sign in with; whoever is signed in is led on."""
    following = _safe_path(request.query_params.get("next", ""))
    if await find_session(request):
        return redirect(request, following)
    return lead_on(request) if is_led_by_another_site(request) else _form(request, following)


async def sign_in(request: Request) -> Response:
    """Open a session for whoever gives a live key and its token."""
    form = await read_form(request, SIGN_IN_BYTES)
    following = _safe_path(form.text("next"))
    service, key, token = service_of(request), form.text("key"), form.exact("token").strip()
    presented = present(key, token, service.settings.token_secret)
    found = await service.db.read(verify, presented) if presented else None
    if reason := _refusal(request, found):
        count_failure(request, key)
        return _form(request, following, status=401, key=key, reason=reason)
    assert found is not None  # noqa: S101  # or there was a reason
    opened = new_session_token()
    await service.db.write(store.open_session, found[0].account, _signing_in(request, found[0], opened))
    response = redirect(request, following)
    give_token(request, response, opened)
    return response


async def show_link(request: Request) -> Response:
    """The page behind a link that signs in once: only what is sent from it does, and no look at it in advance."""
    return render(request, "link.html")


async def follow_link(request: Request) -> Response:
    """Sign in by a link that does so once."""
    db = service_of(request).db
    link, token = hash_of(request, sid_of(request, "link")), new_session_token()
    found = await db.read(store.find_link, link, now=now_of(request))
    opened = found is not None and await db.write(
        store.follow_link, found.account.sid, link, _signing_in(request, found.key, token)
    )
    if not opened:
        count_failure(request, "")
        return _form(request, HOME, status=401, reason="This link was used before, or is too old. Sign in with a key.")
    response = redirect(request, HOME)
    give_token(request, response, token)
    return response


async def sign_out(request: Request) -> Response:
    """Close the session; where that cannot be done now, the browser loses it at least."""
    note = "You are signed out."
    try:
        await _close_known(request)
    except Unavailable:
        note = NOT_CLOSED
    response = redirect(request, SIGN_IN, note=note)
    take_token(response)
    return response


async def _close_known(request: Request) -> None:
    """Close the sessions that the browser has; where it has made-up ones, as strangers send, nothing is written."""
    db = service_of(request).db
    known = [each for each in hashes_of(request) if await db.read(store.find_session, each)]
    if known:
        await db.write(store.close_sessions, *known)


def _signing_in(request: Request, key: ApiKey, token: str) -> SignIn:
    former, now = hashes_of(request), now_of(request)
    return SignIn(key.key, hash_of(request, token), former, now, request.scope["request_id"])


def _refusal(request: Request, found: tuple[ApiKey, Account] | None) -> str | None:
    if found is None:
        return "There is no such API key, or this is not its token."
    if not found[0].is_live(now_of(request)):
        return "This API key has expired, or was revoked."
    if not found[0].is_allowed_from(client_address(request)):
        return "This API key may not be used from here."
    if Scope.READ not in found[0].scopes:
        return "This API key may only write; the console needs the scope 'read'."
    return None


def _form(request: Request, following: str, *, status: int = 200, key: str = "", reason: str | None = None) -> Response:
    return render(request, "sign_in.html", status=status, following=following, key=key, reason=reason)


def _safe_path(given: str) -> str:
    """A path in the console with its query, whatever was given: nobody is led elsewhere by a link to us."""
    path = given.partition("?")[0]
    is_ours = path == HOME or path.startswith(f"{HOME}/")
    is_plain = "\\" not in path and ".." not in path and given.isprintable()
    return given if is_ours and is_plain and not path.startswith(f"{HOME}/sign-") else HOME

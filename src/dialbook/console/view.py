"""What stands around each page: who is signed in, whether they may, and any refusal as a page."""

import re
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum, auto
from functools import partial
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from dialbook.console.page import account_asking, is_part, leave, leave_note, page_asking, render
from dialbook.console.session import HOME, SIGN_IN, find_session
from dialbook.model.errors import DialbookError, Forbidden, MethodNotAllowed, PreconditionFailed
from dialbook.server import errors
from dialbook.server.auth import SAFE, refuse_other_networks, refuse_other_sites
from dialbook.server.context import place_of, service_of, still_open
from dialbook.server.headers import PAGE
from dialbook.store.sessions import is_session_open

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

# Nothing comes from elsewhere, nothing that stands in a page is run, and nobody may put a page into a frame.
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    **PAGE,
}


ENDED = "Your session has ended; what you sent was not saved."
ENDED_AMID = "Your session has ended. Sign in again in another tab, then go on here."

# What is below the page of something and is none itself: a file, beside which the form to sign in would stay, or what
# a form is sent to.
NO_PAGE = re.compile(r"/(export|report\.csv|delete|cancel|selection(/\w+)?)$")
# What a form asks for while it is filled in.
SUGGESTIONS = {f"{HOME}/lists/names", f"{HOME}/uploads/target"}
LONGEST_WANTED = 1024  # characters, of which a form makes up to three bytes each: see SIGN_IN_BYTES


class Guard(Enum):
    """Who may ask for a page."""

    NOBODY = auto()
    SIGNED_IN = auto()  # whatever their key may do: a form that is sent here changes nothing
    WRITERS = auto()  # for all that is sent; whoever is signed in may look


class View:
    """What answers at one path of the console."""

    def __init__(self, handlers: Mapping[str, Handler], guard: Guard = Guard.WRITERS) -> None:
        self._handlers = {**handlers, "HEAD": handlers["GET"]} if "GET" in handlers else dict(handlers)
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = _guarded(await self._answer(Request(scope, receive, send)))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        handler = self._handlers.get(request.method)
        if handler is None:
            raise self._not_allowed(request.method)
        request.scope["operation"] = f"console.{handler.__name__}"
        is_sent = request.method not in SAFE
        if is_sent:
            refuse_other_sites(request)
        if self._guard is Guard.NOBODY:
            return await handler(request)
        session = await find_session(request)
        if session is None:
            return lead_on(request) if is_led_by_another_site(request) else ask_to_sign_in(request)
        refuse_other_networks(request, session.key)
        if is_sent or is_part(request):
            _refuse_other_account(request, session.account.sid)
        request.scope.update(session=session, key=session.key, account=session.account)
        await place_of(request).belong_to(session.account.sid)
        request.scope["is_open"] = partial(is_session_open, token_hash=session.token_hash)
        if is_sent and self._guard is Guard.WRITERS and not session.may_write:
            raise Forbidden("You are signed in with a key that may only read; changes need the scope 'write'.")
        return await _answer_while_open(request, handler)

    def _not_allowed(self, method: str) -> MethodNotAllowed:
        allowed = ", ".join(sorted(self._handlers))
        return MethodNotAllowed(f"{method} is not allowed here; allowed are {allowed}.", headers={"Allow": allowed})


async def _answer_while_open(request: Request, handler: Handler) -> Response:
    """What a handler answers; who is signed out while a form is on its way is shown nothing, as if it came later."""
    try:
        response = await handler(request)
    except DialbookError as refusal:
        response = _refusal_page(request, refusal)
    return response if await _may_be_given(request, response) else ask_to_sign_in(request)


async def _may_be_given(request: Request, response: Response) -> bool:
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        return False
    # Only a page shows what was read without a change or a note of an export, whose transaction asks for itself.
    if request.method in SAFE or response.media_type != HTMLResponse.media_type:
        return True
    service = service_of(request)
    return await service.db.read(still_open(request), now=service.clock())


def _refuse_other_account(request: Request, account: str) -> None:
    """Refuse what a page of another account asks for: it cannot know who has signed in since, in another tab."""
    if account_asking(request) in (None, account):
        return
    # A page that asked for a part of itself is drawn anew. One that sent something stays, with what was typed.
    stays = request.method not in SAFE or request.url.path in SUGGESTIONS
    headers = {} if stays else {"HX-Refresh": "true"}
    raise PreconditionFailed(
        f"You are signed in to another account now, {account}; nothing was done. Sign in to the one that this page is "
        "of, and try again.",
        headers=headers,
    )


def is_led_by_another_site(request: Request) -> bool:
    """Whether a link leads here from another site, or from no page: then a browser keeps the session's cookie back."""
    headers = request.headers
    is_led = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-site") == "cross-site"
    return is_led and request.method in SAFE


def lead_on(request: Request) -> Response:
    """A page that leads to the one that was asked for: where ours leads, the cookie goes along."""
    path, query = quote(NO_PAGE.sub("", request.scope["path"])), request.url.query
    return render(request, "lead_on.html", way=f"{path}?{query}" if query else path)


def ask_to_sign_in(request: Request) -> Response:
    """Lead to the page where one signs in, and from there back to the page that was asked for, or is shown already.

    Who fills in a form is asked to do so elsewhere: what it has so far would be lost.
    """
    if is_part(request) and request.url.path in SUGGESTIONS:
        return render(request, "refused.html", status=401, refusal=ENDED_AMID)
    way = f"{SIGN_IN}?next={quote(_wanted(request))}"
    leads = leave(way) if is_part(request) else RedirectResponse(way, 303)
    if request.method not in SAFE:
        leave_note(request, leads, ENDED)
    return leads


def _wanted(request: Request) -> str:
    """The page to lead back to, with its query where the form to sign in has room for that."""
    is_shown = request.method not in SAFE or is_part(request)
    asked = page_asking(request) if is_shown else f"{request.url.path}?{request.url.query}"
    path, _, query = asked.partition("?")
    path = NO_PAGE.sub("", path)
    return f"{path}?{query}" if query and len(path) + len(query) < LONGEST_WANTED else path


def answer_error(request: Request, error: BaseException) -> Response:
    """What is answered where something was refused, or went wrong: a page in the console, else what the API says."""
    is_ours = f"{request.url.path}/".startswith(f"{HOME}/")
    return _guarded(_refusal_page(request, error)) if is_ours else errors.answer_error(request, error)


def _refusal_page(request: Request, error: BaseException) -> Response:
    refusal = errors.as_refusal(request, error)
    template = "refused.html" if is_part(request) else "refusal.html"
    response = render(request, template, status=refusal.status, refusal=refusal)
    response.headers.update(refusal.headers)
    return response


def _guarded(response: Response) -> Response:
    response.headers.update(SECURITY_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    return response

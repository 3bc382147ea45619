"""Drawing a page out of a template."""

import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from secrets import token_urlsafe
from urllib.parse import quote, unquote, urlencode

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dialbook import __version__
from dialbook.console.assets import asset
from dialbook.console.cookies import cookies_of
from dialbook.console.dialogs import Opened, asked_for
from dialbook.console.session import is_https, session_of
from dialbook.model.contact import Contact
from dialbook.model.text import TEXT_LIMIT
from dialbook.server.auth import SAFE
from dialbook.store.contact_names import TRIGRAM

NOTE = "dialbook-note"  # the cookie that carries a sentence to the next page
ACCOUNT, ACCOUNT_HEADER = "account", "Dialbook-Account"  # by which a page says whose it is: a form, and htmx
_site = re.compile(r"https?://[^/?#]+(?P<page>/[^#]*)")
BLANK = "\N{EN DASH}"


def render(
    request: Request, template: str, *, status: int = 200, opened: Opened | None = None, **values: object
) -> Response:
    """Draw a page, or a part of one.

    Args:
        request: what it answers.
        template: a file in `templates/`.
        status: the answer's HTTP status.
        opened: the dialog that the page shows open, if it is not one that the request asks for.
        values: what the template shows.
    """
    note = None if is_part(request) else cookies_of(request).get(NOTE)
    page = _templates.get_template(template).render(
        values,
        path=request.url.path,
        method=request.method,
        session=session_of(request),
        opened=opened or asked_for(request),
        request_id=request.scope["request_id"],
        note=unquote(note) if note else None,
    )
    response = HTMLResponse(page, status)
    if opened and opened.refusal:
        response.status_code = opened.refusal.status
        response.headers.update(opened.refusal.headers)
        response.headers["HX-Retarget"] = "body"  # of a form that was sent by itself the whole page is drawn anew
    if note:
        response.delete_cookie(NOTE, path="/console", secure=is_https(request))
    return response


def redirect(request: Request, path: str, *, note: str | None = None) -> Response:
    """Lead on to a page, after something was done, that says so."""
    response = leave(path) if is_part(request) and request.method not in SAFE else RedirectResponse(path, 303)
    if note:
        leave_note(request, response, note)
    return response


def leave(path: str) -> Response:
    """Have a page that sent something by itself, or asked for a part, be left for another one."""
    quoted = RedirectResponse(path).headers["location"]
    return Response(status_code=204, headers={"HX-Redirect": quoted})


def leave_note(request: Request, response: Response, note: str) -> None:
    """Have the next page say something."""
    secure = is_https(request)
    response.set_cookie(NOTE, quote(note, safe=""), path="/console", secure=secure, httponly=True, samesite="strict")


def is_part(request: Request) -> bool:
    """Whether a page that is shown already asks for a part of itself, or sends a form by itself."""
    return request.headers.get("hx-request") == "true"


def page_asking(request: Request) -> str:
    """The page that sends a form or asks for a part of itself, with its query, as far as the browser says so."""
    named = _site.match(request.headers.get("referer", ""))
    return named["page"] if named else ""


def account_asking(request: Request) -> str | None:
    """The account whose page asks, as far as it says so; a program need not."""
    return request.headers.get(ACCOUNT_HEADER) or request.query_params.get(ACCOUNT)


def url(path: str, query: Mapping[str, object]) -> str:
    """A path with a query, of which what is unset is left out."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


@pass_context
def _of_account(context: Context, path: str) -> str:
    """A path that a form is sent to, with the name of the account whose page the form stands in."""
    account = urlencode({ACCOUNT: context["session"].account.sid})
    return f"{path}{'&' if '?' in path else '?'}{account}"


def _count(number: int) -> str:
    return f"{number:,}"


def _plural(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _moment(text: str | None) -> str:
    """`2026-01-05 09:00 UTC` of a moment in RFC 3339."""
    return f"{text[:16].replace('T', ' ')} UTC" if text else BLANK


def _full_name(contact: Contact) -> str:
    return " ".join(filter(None, (contact.first_name, contact.last_name)))


def _custom_fields(contact: Contact) -> Mapping[str, str]:
    """The custom fields, each as a text: what is none as JSON has it, a number as it was written."""
    fields: Mapping[str, object] = _decode(contact.custom_field) if contact.custom_field else {}
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode() for name, value in fields.items()
    }


def _named(cells: Sequence[str], columns: Sequence[str]) -> Sequence[tuple[str, str]]:
    """The cells of a row that say something, each with the name of its column; one too many has none."""
    return [(name, cell) for name, cell in zip_longest(columns, cells, fillvalue="") if cell]


class ForgetfulForms(Extension):
    """Has a browser keep nothing of any form, whatever its template says.

    Whoever goes back to a page is given it anew, and a browser would put back into it what was typed and ticked, field
    by field in their order: beside other contacts than those, over what is stored by now, or for another account.
    """

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002
        """Complete the source of a template."""
        return source.replace("<form ", '<form autocomplete="off" ')


_decode = msgspec.json.Decoder(float_hook=lambda written: msgspec.Raw(written.encode())).decode

_templates = Environment(
    loader=PackageLoader("dialbook.console"),
    extensions=[ForgetfulForms],
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {
    "of_account": _of_account,
    "count": _count,
    "plural": _plural,
    "moment": _moment,
    "full_name": _full_name,
    "custom_fields": _custom_fields,
    "named": _named,
}
_templates.globals |= {
    "url": url,
    "new_key": token_urlsafe,
    "asset": asset,
    "ACCOUNT_HEADER": ACCOUNT_HEADER,
    "BLANK": BLANK,
    "LEAST": TRIGRAM,
    "MOST": 2 * TEXT_LIMIT,  # a browser counts some characters twice, and would cut off the end of what is pasted
    "version": __version__,
}

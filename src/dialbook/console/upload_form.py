"""The form that brings a file: which list it is for, and how its columns will be understood."""

from collections.abc import Mapping

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from dialbook.console.calls import Call, Calls, python_call
from dialbook.console.form import as_text
from dialbook.console.list_names import find_named
from dialbook.console.page import is_part, redirect, render
from dialbook.console.session import session_of
from dialbook.console.uploads import PATH
from dialbook.model.contact import TEXT_FIELDS
from dialbook.model.errors import DialbookError, Forbidden
from dialbook.model.lists import ContactList
from dialbook.model.text import searchable
from dialbook.model.upload import BETWEEN_WORDS, EXTRA_COLUMNS, Upload
from dialbook.server.changes import change_and_reply, make_change
from dialbook.server.context import account_of, now_of, service_of
from dialbook.server.uploads import receiving_upload
from dialbook.store import uploads as store
from dialbook.store.lists import get_list
from dialbook.wire import csv_lines, csv_rows
from dialbook.wire.csv_cells import FORMULA
from dialbook.wire.envelope import Answer, accepted
from dialbook.wire.uploads import FIELDS as WIRE_FIELDS
from dialbook.wire.uploads import write_accepted

FOUND = "found_name"  # the field that says for which name the list was found that the form shows
FIELDS = (*WIRE_FIELDS, "list_sid", FOUND)
ASKED = {"type": "dynamic", "on_duplicate": "update", "dry_run": "true"}  # what an upload does not do unasked

# What the page has to know to understand the first line of a file as an upload will.
RULES: Mapping[str, object] = {
    "number": csv_rows.NUMBER,
    "fields": (csv_rows.NUMBER, *TEXT_FIELDS),
    "report": csv_rows.REPORT_COLUMNS,
    "extra": EXTRA_COLUMNS,
    "delimiters": csv_rows.DELIMITERS,
    "declares": csv_rows.DECLARES.pattern,
    "betweenWords": BETWEEN_WORDS.pattern,
    "formula": FORMULA,
    "wanted": csv_lines.WANTED,
    "namesShown": csv_rows.NAMES_SHOWN,
}


async def show_form(request: Request) -> Response:
    """The form; a link may say which list it is for."""
    session = session_of(request)
    if session is None or not session.may_write:
        raise Forbidden("You are signed in with a key that may only read; an upload needs the scope 'write'.")
    return await _show(request, await _fields_asked(request))


async def show_target(request: Request) -> Response:
    """Whether there is a list of the name that is being typed, of which type, and names that are like it."""
    fields = request.query_params
    return render(request, "upload_target.html", fields=fields, named=await find_named(request, _list_name(fields)))


async def create_upload(request: Request) -> Response:
    """Receive a file, and lead to its upload; a refusal is shown on the form, which stays as it was filled in.

    The script of the page sends an `Idempotency-Key`: a browser sends a form again, without a word, when the connection
    is lost before the answer.
    """
    fields: dict[str, str] = {}
    account = account_of(request).sid
    found: ContactList | None = None

    async def take(sent: Mapping[str, str]) -> Mapping[str, str]:
        nonlocal found
        fields.update(sent)
        found = await _find_meant(request, sent)
        # What was chosen is the type of a new list.
        return {**sent, "list_name": found.name, "type": found.type} if found else sent

    try:
        async with receiving_upload(request, take, FIELDS) as (draft, file):
            meant = replace(draft, list_sid=found.sid if found else None)
            now = now_of(request)  # its body has come
            if is_part(request):
                return await change_and_reply(request, _lead_on, store.create_upload, account, meant, file, now=now)
            upload = await make_change(request, store.create_upload, account, meant, file, now=now)
    except DialbookError as refusal:
        if is_part(request):
            return render(request, "refused.html", status=refusal.status, refusal=refusal)
        return await _show(request, fields, refusal)
    return redirect(request, f"{PATH}/{upload.sid}")


async def _fields_asked(request: Request) -> Mapping[str, str]:
    """What the form begins with: what a link says, and of the list whose sid it has, the name."""
    asked, account = request.query_params, account_of(request).sid
    sid = asked.get("list_sid", "")
    if not sid:
        return asked
    name = as_text((await service_of(request).db.read(get_list, account, searchable(sid))).name)
    return {**asked, "list_name": name, FOUND: name}


async def _find_meant(request: Request, fields: Mapping[str, str]) -> ContactList | None:
    """The list that the form is for, if it is there.

    Raises:
        PreconditionFailed: the form showed a list of this name, which means another one by now, or none.
    """
    sid = _sid_shown(fields)
    found = (await find_named(request, _list_name(fields), sid)).found
    if sid and (found is None or found.sid != sid):
        raise store.renamed(_list_name(fields))
    return found


def _sid_shown(fields: Mapping[str, str]) -> str:
    """The sid of the list that the form showed for the name; none where another name was typed since."""
    is_of_name = as_text(fields.get(FOUND)) == as_text(_list_name(fields))
    return fields.get("list_sid", "") if is_of_name else ""


def _lead_on(upload: Upload) -> Answer:
    """What leads a page that is shown to its upload."""
    return replace(accepted(write_accepted(upload)), headers={"HX-Redirect": f"{PATH}/{upload.sid}"})


async def _show(request: Request, fields: Mapping[str, str], refusal: DialbookError | None = None) -> Response:
    named = await find_named(request, _list_name(fields), _sid_shown(fields))
    return render(
        request,
        "upload_form.html",
        status=refusal.status if refusal else 200,
        fields=fields,
        named=named,
        rules={**RULES, "fileLimit": service_of(request).settings.upload_limit},
        refusal=refusal,
        calls=_calls(request, fields, named.found),
    )


def _list_name(fields: Mapping[str, str]) -> str:
    return fields.get("list_name", "")


def _calls(request: Request, fields: Mapping[str, str], found: ContactList | None) -> list[Call]:
    list_name = found.name if found else _list_name(fields) or "Friends"
    asked = _asked(fields, found)
    choices = {name: value == "true" or value for name, value in asked.items()}  # as the client takes them
    send = python_call("upload_csv", "contacts.csv", list_name, **choices)
    wait = f"accepted = {send}\nupload = client.wait_for_upload(accepted.upload_id)"
    form = {"list_name": list_name, **asked}
    return [Calls(request).form("Upload a file", "/contacts/csv-upload", wait, form, "file_name=@contacts.csv")]


def _asked(fields: Mapping[str, str], found: ContactList | None) -> dict[str, str]:
    """What the form says that an upload does not do unasked; a list that is there keeps its type."""
    settled = {"type"} if found else set()
    return {name: value for name, value in ASKED.items() if fields.get(name) == value and name not in settled}

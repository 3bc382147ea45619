"""A form that makes something: once, however often it is sent, as it is again where its answer was lost."""

from collections.abc import Callable
from hashlib import sha256
from secrets import token_urlsafe
from typing import TypeVar

from msgspec import Struct, json
from starlette.requests import Request

from dialbook.console.form import Form
from dialbook.model.bulk import Outcome, single
from dialbook.model.contact import Contact, ContactDraft
from dialbook.model.lists import ContactList, ListDraft
from dialbook.server.changes import make_change_once
from dialbook.server.context import account_of, now_of

Made = TypeVar("Made", Contact, ContactList)


class _Kept(Struct, frozen=True):
    """What is kept for a form that is sent again."""

    sid: str


async def make_once(
    request: Request, form: Form, fn: Callable[..., list[Outcome[Made]]], draft: ContactDraft | ListDraft
) -> str:
    """Make something, unless the same form has made it before, and return its sid.

    Args:
        request: what the form comes with.
        form: which has a key of its own; without one it makes something each time.
        fn: the storage function that makes as many as there are drafts.
        draft: what the form says.

    Raises:
        DialbookError: it is refused; the same form may be sent again.
    """

    def pack(outcomes: list[Outcome[Made]]) -> bytes:
        return json.encode(_Kept(single(outcomes).sid))  # a refusal is raised, and so is not kept

    # Somebody may change what was typed before it is sent again: then it is for something else.
    key = sha256(json.encode([form.text("key") or token_urlsafe(), draft])).hexdigest()
    kept = await make_change_once(request, key, pack, fn, account_of(request).sid, [draft], now=now_of(request))
    return json.decode(kept, type=_Kept).sid

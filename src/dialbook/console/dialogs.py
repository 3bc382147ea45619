"""Dialogs of a page, and its other forms: which one it shows open, and what stands in it."""

from collections.abc import Collection, Mapping

from msgspec import Struct
from starlette.requests import Request

from dialbook.console.form import Form
from dialbook.model.errors import DialbookError

NOTHING: Mapping[str, str] = {}


class Opened(Struct, frozen=True):
    """The dialog that is shown open: one that was asked for, or whose form was refused, as it was filled in.

    A form that stands in the page itself is named as a dialog is.
    """

    id: str  # empty: none is
    typed: Mapping[str, str] = NOTHING
    refusal: DialbookError | None = None
    sent: Collection[tuple[str, str]] = frozenset()  # all fields, of which some come several times

    def value(self, dialog: str, field: str, stored: str | None = None) -> str:
        """What a field of a dialog shows: what was typed there, or else what is stored."""
        typed = self.typed if dialog == self.id else NOTHING
        return typed.get(field, stored) or ""

    def is_ticked(self, dialog: str, field: str, value: str) -> bool:
        """Whether a box of a dialog was ticked."""
        return dialog == self.id and (field, value) in self.sent


def asked_for(request: Request) -> Opened:
    """The dialog that the address asks for, as a button does where no script opens it."""
    return Opened(request.query_params.get("open", ""))


def refused(dialog: str, form: Form, refusal: DialbookError) -> Opened:
    """A dialog whose form was refused."""
    return Opened(dialog, dict(form.fields), refusal, frozenset(form.fields))

"""Dialogs of a page: which one it shows open, and what stands in it."""

from collections.abc import Mapping

from msgspec import Struct
from starlette.requests import Request

from dialbook.console.form import Form
from dialbook.model.errors import DialbookError

NOTHING: Mapping[str, str] = {}


class Opened(Struct, frozen=True):
    """The dialog that is shown open: one that was asked for, or whose form was refused, as it was filled in."""

    id: str  # empty: none is
    typed: Mapping[str, str] = NOTHING
    refusal: DialbookError | None = None

    def value(self, dialog: str, field: str, stored: str | None = None) -> str:
        """What a field of a dialog shows: what was typed there, or else what is stored."""
        typed = self.typed if dialog == self.id else NOTHING
        return typed.get(field, stored) or ""


def asked_for(request: Request) -> Opened:
    """The dialog that the address asks for, as a button does where no script opens it."""
    return Opened(request.query_params.get("open", ""))


def refused(dialog: str, form: Form, refusal: DialbookError) -> Opened:
    """A dialog whose form was refused."""
    return Opened(dialog, dict(form.fields), refusal)

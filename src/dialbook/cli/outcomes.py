"""What became of many things at once: a line for each, and an exit status for all."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dialbook.cli.output import show, show_table
from dialbook.model.errors import DialbookError, Duplicate

if TYPE_CHECKING:
    from dialbook.client import Outcome

THERE = "there already"


def show_outcomes(
    label: str, asked: Sequence[object], results: Sequence["Outcome[Any]"], *, done: str, as_json: bool
) -> None:
    """Print what became of each item.

    Args:
        label: what the items are told apart by.
        asked: that of each.
        results: its outcome.
        done: the word for what was accepted.
        as_json: whether a program reads it.

    Raises:
        SystemExit: with 1, when something was refused; what is there already was not.
    """
    rows = [_row(label, each, result, done) for each, result in zip(asked, results, strict=True)]
    if as_json:
        show(rows)
    else:
        show_table([label.upper(), "RESULT", "SID", "REASON"], [[*row.values()] for row in rows])
    if any(isinstance(each, DialbookError) and not isinstance(each, Duplicate) for each in results):
        raise SystemExit(1)


def _row(label: str, asked: object, result: "Outcome[Any]", done: str) -> dict[str, object]:
    if isinstance(result, Duplicate):
        existing = result.existing
        return {label: asked, "result": THERE, "contact": existing and existing.sid, "reason": None}
    if isinstance(result, DialbookError):
        return {label: asked, "result": "refused", "contact": None, "reason": result.description}
    return {label: asked, "result": done, "contact": result.value.sid, "reason": None}

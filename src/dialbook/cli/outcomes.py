"""What became of many things at once: a line for each, and an exit status for all."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dialbook.cli.output import show, show_table
from dialbook.model.errors import DialbookError, Duplicate

if TYPE_CHECKING:
    from dialbook.client import Outcome

THERE, REFUSED = "there already", "refused"


def show_outcomes(asked: Sequence[object], results: Sequence["Outcome[Any]"], *, done: str, as_json: bool) -> None:
    """Print what became of each item.

    Args:
        asked: what tells the items apart.
        results: the outcome of each.
        done: the word for what was accepted.
        as_json: whether a program reads it.

    Raises:
        SystemExit: with 1, when something was refused; what is there already was not.
    """
    rows = [_row(each, result, done) for each, result in zip(asked, results, strict=True)]
    if as_json:
        show(rows)
    else:
        show_table(["CONTACT", "RESULT", "SID", "REASON"], [[*row.values()] for row in rows])
    if any(row["result"] == REFUSED for row in rows):
        raise SystemExit(1)


def _row(asked: object, result: "Outcome[Any]", done: str) -> dict[str, object]:
    if isinstance(result, Duplicate) and result.existing:
        return {"contact": asked, "result": THERE, "sid": result.existing.sid, "reason": None}
    if isinstance(result, DialbookError):
        return {"contact": asked, "result": REFUSED, "sid": None, "reason": result.description}
    return {"contact": asked, "result": done, "sid": result.value.sid, "reason": None}

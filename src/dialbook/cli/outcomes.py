"""What became of many things at once: a line for each, and an exit status for all."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dialbook.cli.output import show, show_table, shown
from dialbook.cli.progress import progress
from dialbook.model.errors import DialbookError, Duplicate, Invalid, Missing, NotFound

if TYPE_CHECKING:
    from dialbook.client import Outcome

Item = TypeVar("Item")

THERE, REFUSED = "there already", "refused"

OF_ONE = (NotFound, Missing, Invalid, Duplicate)  # refusals that say nothing of what comes next


def send_each(
    asked: Sequence[object],
    items: Sequence[Item | DialbookError],
    send: Callable[[Iterator[Item]], Sequence["Outcome[Any]"]],
    *,
    what: str,
    done: str,
    as_json: bool,
) -> None:
    """Send many items, with a bar that says how far it is, and print what became of each.

    Args:
        asked: what tells the items apart.
        items: what is sent of each, or why it cannot be.
        send: sends them.
        what: the word for the items.
        done: the word for what was accepted.
        as_json: whether a program reads it.

    Raises:
        Interrupted, Stopped: a later request failed, or was not waited for; what became of the items before it is
            printed.
        SystemExit: with 1, when something was refused; what is there already was not.
    """
    good = [item for item in items if not isinstance(item, DialbookError)]
    with (
        told_when_interrupted(asked, items, done=done, as_json=as_json),
        progress(what, len(good)) as advance,
    ):
        results = send(_counted(good, advance))
    rows = _rows(asked, _merged(items, results), done)
    _show(rows, as_json=as_json)
    _end(rows)


@contextmanager
def told_when_interrupted(
    asked: Sequence[object], items: Sequence[object | DialbookError], *, done: str, as_json: bool
) -> Iterator[None]:
    """Print what became of items when a later request of theirs failed, or was not waited for: it is all that anybody
    will hear of them.
    """
    from dialbook.client import Interrupted, Stopped  # noqa: PLC0415  # commands on a database start without it

    try:
        yield
    except (Interrupted, Stopped) as trouble:
        _show(_rows(asked, _merged(items, trouble.results), done), as_json=as_json)
        if isinstance(trouble, Stopped):
            click.echo("What became of those that are not shown is not known: some may be done.", err=True)
        raise


def remove_each(
    sids: Sequence[str],
    remove: Callable[[str], object],
    *,
    done: str,
    say: Callable[[str], str],
    as_json: bool,
) -> None:
    """Remove things one by one, and print what became of each.

    Args:
        sids: which.
        remove: removes one.
        done: the word for what is removed, for programs.
        say: says the same of one, for people.
        as_json: whether a program reads it.

    Raises:
        DialbookError: a failure that is not of one of them; what became of those before it is printed.
        SystemExit: with 1, when one was refused.
    """
    rows: list[dict[str, object]] = []
    try:
        for sid in sids:
            rows.append(_remove(sid, remove, done))  # noqa: PERF401  # those before a failure are printed
    finally:
        if rows:
            _show_removed(rows, say, as_json=as_json)
    _end(rows)


def _remove(sid: str, remove: Callable[[str], object], done: str) -> dict[str, object]:
    try:
        remove(sid)
    except OF_ONE as refusal:
        return {"sid": sid, "result": REFUSED, "reason": refusal.description}
    return {"sid": sid, "result": done, "reason": None}


def _show_removed(rows: Sequence[dict[str, object]], say: Callable[[str], str], *, as_json: bool) -> None:
    if as_json:
        show(rows)
        return
    for row in rows:
        click.echo(f"Refused: {shown(row['reason'])}" if row["result"] == REFUSED else say(str(row["sid"])))


def _counted(items: Iterable[Item], advance: Callable[[int], None]) -> Iterator[Item]:
    """The items one by one, and a bar that moves on with them."""
    for item in items:
        yield item
        advance(1)


def _merged(items: Sequence[object], results: Sequence["Outcome[Any]"]) -> Iterator["Outcome[Any]"]:
    """What became of each item, up to where nothing is known any more."""
    rest = iter(results)
    for item in items:
        outcome = item if isinstance(item, DialbookError) else next(rest, None)
        if outcome is None:
            return
        yield outcome


def _rows(asked: Sequence[object], results: Iterable["Outcome[Any]"], done: str) -> list[dict[str, object]]:
    return [_row(each, result, done) for each, result in zip(asked, results, strict=False)]


def _show(rows: Sequence[dict[str, object]], *, as_json: bool) -> None:
    if as_json:
        show(rows)
    else:
        show_table(["CONTACT", "RESULT", "SID", "REASON"], [[*row.values()] for row in rows])


def _end(rows: Sequence[dict[str, object]]) -> None:
    if any(row["result"] == REFUSED for row in rows):
        raise SystemExit(1)


def _row(asked: object, result: "Outcome[Any]", done: str) -> dict[str, object]:
    if isinstance(result, Duplicate) and result.existing:
        return {"contact": asked, "result": THERE, "sid": result.existing.sid, "reason": None}
    if isinstance(result, DialbookError):
        return {"contact": asked, "result": REFUSED, "sid": None, "reason": result.description}
    return {"contact": asked, "result": done, "sid": result.value.sid, "reason": None}

"""Many items at once, each accepted or refused on its own: a refusal is a value in its item's place."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TypeAlias, TypeVar

from dialbook.model.errors import DialbookError

T = TypeVar("T")
R = TypeVar("R")

Outcome: TypeAlias = T | DialbookError


def attempt(fn: Callable[[T], R], items: Iterable[Outcome[T]]) -> list[Outcome[R]]:
    """Apply `fn` to each item still accepted; a refusal it raises takes the item's place."""
    outcomes: list[Outcome[R]] = []
    for item in items:
        if isinstance(item, DialbookError):
            outcomes.append(item)
            continue
        try:
            outcomes.append(fn(item))
        except DialbookError as refusal:
            outcomes.append(refusal)
    return outcomes


def accepted(items: Iterable[Outcome[T]]) -> list[T]:
    """The items not refused so far, in order."""
    return [item for item in items if not isinstance(item, DialbookError)]


def rejoin(items: Iterable[Outcome[T]], results: Iterable[Outcome[R]]) -> list[Outcome[R]]:
    """Put one result in the place of each accepted item; earlier refusals stay where they are."""
    queue = iter(results)
    return [item if isinstance(item, DialbookError) else next(queue) for item in items]


def single(outcomes: Sequence[Outcome[T]]) -> T:
    """The outcome of a bulk operation on one item; a refusal is raised.

    Raises:
        DialbookError: the item was refused.
    """
    (outcome,) = outcomes
    if isinstance(outcome, DialbookError):
        raise outcome
    return outcome


def distinct_runs(items: Iterable[T], key: Callable[[T], Hashable]) -> Iterator[list[T]]:
    """Cut the items into runs in which no key comes twice, so that each run can be worked off at once, in order."""
    run: dict[Hashable, T] = {}
    for item in items:
        if key(item) in run:
            yield list(run.values())
            run = {}
        run[key(item)] = item
    if run:
        yield list(run.values())

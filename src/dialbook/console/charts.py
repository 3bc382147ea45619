"""Pictures, as the table of numbers that a script in the page draws each of."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from dialbook.store.tallies import Tally

Kind: TypeAlias = Literal["bars", "growth"]


class Bar(Struct, frozen=True):
    """A value and how many have it."""

    name: str
    count: int
    path: str | None = None  # the page about it
    is_rest: bool = False  # it stands for all that have no bar of their own


class Chart(Struct, frozen=True):
    """A picture: its rows have a name, or a day, and a number for each further column."""

    title: str
    kind: Kind
    columns: Sequence[str]
    rows: Sequence[tuple[str | int, ...]]
    bars: Sequence[Bar] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(count for row in self.rows for count in row[1:])


def tally_bars(title: str, tallies: Sequence[Tally], *, others: int, without: int) -> Chart:
    """A picture of how many contacts have each value, and at its end how many have another one, or none."""
    rest = {"all others": others, "none": without}
    return bars(
        title,
        [Bar(tally.value, tally.live) for tally in tallies]
        + [Bar(name, live, is_rest=True) for name, live in rest.items() if live],
    )


def bars(title: str, shown: Sequence[Bar]) -> Chart:
    """A picture of how many have each value."""
    return Chart(title, "bars", [title, "Contacts"], [(bar.name, bar.count) for bar in shown], shown)

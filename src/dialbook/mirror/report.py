"""What is told at the end: how many there are on each side."""

from collections.abc import Mapping, Sequence

from msgspec import Struct


class Line(Struct, frozen=True):
    """One thing that was counted on both sides: the contacts, the lists, or the members of a list."""

    what: str
    there: int | None  # on the server
    here: int  # in the local book
    equal: bool


class Refusal(Struct, frozen=True):
    """What one side has and the other did not take."""

    what: str
    reason: str


class Report(Struct, frozen=True):
    """The outcome: what was counted, what was refused, and how much was changed on the side that follows."""

    counts: Sequence[Line]
    refused: Sequence[Refusal]
    changes: Mapping[str, int]
    doubts: Sequence[str] = ()  # why they may differ all the same, until it is run again

    @property
    def is_equal(self) -> bool:
        """Whether both sides hold the same, as far as is known."""
        return all(line.equal for line in self.counts) and not self.refused and not self.doubts


def compare(what: str, there: int | None, here: int) -> Line:
    """A line of the report."""
    return Line(what, there, here, there == here)

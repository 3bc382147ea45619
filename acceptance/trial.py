"""What a check is given, and what it gives back."""

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

ROOT = Path(__file__).parent.parent


# Where a check is run: in `make test` as it is, in `make acceptance`, which takes an hour, or by its name.
TEST, HOUR, NIGHT = "T0", "T1", "T2"


class Sabotage(Struct, frozen=True):
    """A change that breaks a copy of the project, so that a check has to be missed."""

    file: str  # below the project's folder
    old: str  # which is there once
    new: str


class Trial(Struct, frozen=True):
    """One run of a check: with the same seed it does the same, as far as a machine under load can."""

    engine: str
    seed: int
    rounds: int
    project: Path  # what is run: this one, or a broken copy of it
    folder: Path  # the trial's own, empty, on a disk

    def chance(self, round_: int) -> random.Random:
        """What one round leaves to chance."""
        return random.Random(f"{self.seed} {round_}")


class Figure(Struct, frozen=True):
    """Something that was measured, and its bound if it has one."""

    name: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def is_kept(self) -> bool:
        """Whether it is within its bound."""
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    def __str__(self) -> str:
        said = f"{self.name} {_shown(self.value)}{self.unit}"
        if self.at_least is not None:
            said += f" (at least {_shown(self.at_least)})"
        if self.at_most is not None:
            said += f" (at most {_shown(self.at_most)})"
        return said if self.is_kept else f"**{said}**"


Measure: TypeAlias = Callable[[Trial], Sequence[Figure]]


class Case(Struct, frozen=True):
    """How many rounds there are with an engine: in a full run, in a quick one, and to notice what is broken."""

    broken: Sabotage
    full: int = 1
    quick: int = 0  # 0 leaves it out
    bite: int = 1


class Check(Struct, frozen=True):
    """A promise, the program that holds Dialbook to it, and a case for each engine that it is run with."""

    number: int
    name: str
    promise: str
    measure: Measure
    cases: Mapping[str, Case]
    tier: str = HOUR


def _shown(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"

"""How far a run is, for whoever watches."""

from collections import Counter
from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct, field

Watch: TypeAlias = Callable[[str, int, int | None], object]  # what is gone through, how many are done, of how many


class Progress(Struct):
    """What a run has changed so far, and who is told how far it is."""

    watch: Watch
    changes: Counter[str] = field(default_factory=Counter)

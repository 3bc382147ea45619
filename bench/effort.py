"""How long is measured: enough to trust the figures, or just enough to see that everything works."""

from msgspec import Struct


class Effort(Struct, frozen=True):
    """Rounds are turns of each side; `seconds` and `warm_up` are the seconds of load in one turn and before it."""

    rounds: int
    seconds: int
    warm_up: int
    bulk_rounds: int
    members: int  # of the list that is read at every depth
    requests: int  # one after another, for a latency
    engine: str | None = None  # the only one that is measured, where there is a choice


FULL = Effort(rounds=5, seconds=5, warm_up=2, bulk_rounds=9, members=1_000_000, requests=500)
QUICK = Effort(rounds=3, seconds=1, warm_up=1, bulk_rounds=3, members=100_000, requests=50)

"""How much the tests do: what everybody has time for, unless an acceptance check asks for more by its environment."""

import os


def effort(name: str, usual: int) -> int:
    """How much of something, as of the rows of a file."""
    return int(os.environ.get(name, usual))


SEED = effort("SEED", 1)  # of what is left to chance

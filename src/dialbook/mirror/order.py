"""How a list comes to hold the same as another, in the same order, when who joins stands at the end."""

from collections.abc import Sequence


def align(here: Sequence[str], there: Sequence[str]) -> tuple[list[str], list[str]]:
    """Who has to leave, and who has to join then, in this order, so that `here` becomes `there`.

    Both hold nobody twice. Whoever stands before somebody that is missing stays; all behind leave and join again.
    """
    kept, leaving = 0, []
    for key in here:
        if kept < len(there) and there[kept] == key:
            kept += 1
        else:
            leaving.append(key)
    return leaving, list(there[kept:])


def part(here: Sequence[str], there: Sequence[str]) -> tuple[list[str], list[str]]:
    """Who has to leave, and who has to join then, so that `here` holds whom `there` holds, in whatever order."""
    wanted, held = set(there), set(here)
    return [key for key in here if key not in wanted], [key for key in there if key not in held]

"""The query of a collection: `offset`, `limit`, `sort_by`, and the other parameters that select."""

import re
from collections.abc import Mapping, Sequence

from dialbook.model.errors import Invalid
from dialbook.model.page import Sort, Window
from dialbook.model.text import optional_text

DEFAULT_LIMIT = 20
LARGEST_OFFSET = 2**63 - 1

_WHOLE = re.compile(r"[0-9]{1,19}")


def read_window(query: Mapping[str, str], *, largest: int) -> Window:
    """Read `offset` (default 0) and `limit` (default 20).

    Raises:
        Invalid: either is not a whole number, or out of its bounds (contract section 8).
    """
    return Window(
        offset=_whole(query, "offset", default=0, lowest=0, highest=LARGEST_OFFSET),
        limit=_whole(query, "limit", default=min(DEFAULT_LIMIT, largest), lowest=1, highest=largest),
    )


def read_sort(query: Mapping[str, str], fields: Sequence[str]) -> Sort:
    """Read `sort_by`: a field, then optionally `:asc` or `:desc`; the first of `fields` when it is not given.

    Raises:
        Invalid: no such field or direction.
    """
    given = query.get("sort_by", fields[0])
    field, _, direction = given.partition(":")
    if field not in fields or direction not in ("", "asc", "desc") or given.endswith(":"):
        raise Invalid(f"sort_by is {given!r}; allowed are {', '.join(fields)}, each with :asc or :desc.")
    return Sort(field, descending=direction == "desc")


def read_name(query: Mapping[str, str]) -> str | None:
    """Read `name`, the text to search for.

    Raises:
        Invalid: it is too long, or holds a character that no stored text holds.
    """
    return optional_text("name", query.get("name"))


def _whole(query: Mapping[str, str], name: str, *, default: int, lowest: int, highest: int) -> int:
    given = query.get(name)
    if given is None:
        return default
    number = int(given) if _WHOLE.fullmatch(given) else -1
    if not lowest <= number <= highest:
        raise Invalid(f"{name} is {given!r}; allowed is a whole number from {lowest} to {highest}.")
    return number

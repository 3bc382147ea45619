"""The query of a collection: `offset`, `limit`, `sort_by`, and the other parameters that select."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dialbook.model.errors import NO_HEADERS, Invalid
from dialbook.model.page import Page, Sort, Window
from dialbook.model.text import optional_text

DEFAULT_LIMIT = 20
LARGEST_OFFSET = 2**63 - 1
LARGEST_POSITION = 2**61

_WHOLE = re.compile(r"[0-9]{1,19}")
_CURSOR = re.compile(r"[0-9a-f]{1,16}")


def read_window(query: Mapping[str, str], *, largest: int) -> Window:
    """Read `offset` (default 0) and `limit` (default 20).

    Raises:
        Invalid: either is not a whole number, or out of its bounds (contract section 8).
    """
    return Window(
        offset=_whole(query, "offset", default=0, lowest=0, highest=LARGEST_OFFSET),
        limit=_whole(query, "limit", default=min(DEFAULT_LIMIT, largest), lowest=1, highest=largest),
    )


def read_walk(query: Mapping[str, str], *, largest: int) -> Window:
    """Read a window that may begin after a cursor: `after` in place of `offset` (contract section 9).

    Raises:
        Invalid: as `read_window`; or no cursor, or one beside an offset.
    """
    window = read_window(query, largest=largest)
    if "after" not in query:
        return window
    if "offset" in query:
        raise Invalid("offset and after exclude each other; give one of them.")
    return Window(0, window.limit, _read_cursor(query["after"]))


def next_page(page: Page[Any], others: str) -> Mapping[str, str]:
    """The header that leads to the page after a full one (RFC 8288), none after one that is not full.

    Args:
        page: what was found.
        others: the path, `?`, and each parameter of the query but `offset` and `after`, with `&` behind it.
    """
    if page.last is None or len(page.items) < page.window.limit:
        return NO_HEADERS
    return {"Link": f'<{others}after={page.last:x}>; rel="next"'}


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


def read_text(query: Mapping[str, str], name: str) -> str | None:
    """Read a parameter that is a text to look for.

    Raises:
        Invalid: it is too long, or holds a character that no stored text holds.
    """
    return optional_text(name, query.get(name))


def read_number(query: Mapping[str, str]) -> str | None:
    """Read `number`. A plus that was not escaped comes as a blank, and is taken for what it was meant to be."""
    given = query.get("number")
    return f"+{given[1:]}" if given and given.startswith(" ") else given


def _read_cursor(given: str) -> int:
    position = int(given, 16) if _CURSOR.fullmatch(given) else LARGEST_POSITION
    if position >= LARGEST_POSITION:
        raise Invalid(f"after is {given!r}; allowed is the cursor that a Link header of this list gave.")
    return position


def _whole(query: Mapping[str, str], name: str, *, default: int, lowest: int, highest: int) -> int:
    given = query.get(name)
    if given is None:
        return default
    number = int(given) if _WHOLE.fullmatch(given) else -1
    if not lowest <= number <= highest:
        raise Invalid(f"{name} is {given!r}; allowed is a whole number from {lowest} to {highest}.")
    return number

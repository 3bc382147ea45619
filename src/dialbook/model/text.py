"""What may stand in a stored text."""

import re

from dialbook.model.errors import Invalid

TEXT_LIMIT = 255  # characters of a name, a company, an e-mail address or a tag

_SURROGATE = re.compile("[\\ud800-\\udfff]")
_WITH_DECIMALS = re.compile(r"(\+?[0-9]+)(?:\.0{1,2}|(?<=[0-9]{7})\.0+)")


def optional_text(field: str, value: object) -> str | None:
    """Check one optional text field; `None` and `""` both mean unset.

    Raises:
        Invalid: not a string, longer than `TEXT_LIMIT` characters, or holds NUL or half a surrogate pair.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Invalid(f"{field} must be a string or null.")
    if len(value) > TEXT_LIMIT:
        raise Invalid(f"{field} has {len(value)} characters; at most {TEXT_LIMIT} are allowed.")
    if not storable(value):
        raise Invalid(f"{field} holds a character that cannot be stored.")
    return value


def bare_number(text: str) -> str:
    """A number, without what spreadsheets and data frames make of one: an apostrophe before it, `.0` or `.00` behind.

    People write dots between digits, too: decimals are zeros alone, behind digits that no other dot parts, and several
    of them behind as many digits as a number has; what stands before `.00000` in `98450.00000` is none.
    """
    number = text.removeprefix("'")
    whole = _WITH_DECIMALS.fullmatch(number)
    return whole[1] if whole else number


def storable(value: str) -> bool:
    """Whether both engines can keep the text: no NUL (PostgreSQL refuses it), no lone surrogate (not UTF-8)."""
    return "\0" not in value and (value.isascii() or _SURROGATE.search(value) is None)


def searchable(value: str) -> str:
    """The text, as far as it can be looked for: PostgreSQL cannot even be asked for NUL, which no stored text has."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}")


def search_key(*names: str | None) -> str | None:
    """The names as one text that a case-insensitive search looks into, or `None` when all are unset."""
    return " ".join(filter(None, names)).casefold() or None

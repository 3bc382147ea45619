"""Whether somebody's number stands in a text, in whatever form it was written there."""

import re
from collections.abc import Callable

from dialbook.model.errors import DialbookError
from dialbook.model.phone import national_of, normal_number, tail_of
from dialbook.model.text import bare_number

# What may stand between two digits: no letter, but one that writes a blank as Python or JSON does.
_APART = r"(?:\\{1,4}(?:x[0-9a-f]{2}|u[0-9a-f]{4}|[nrt])|[^0-9A-Za-z\"]){0,4}+"
_WRITTEN = re.compile(r"\+?[0-9][0-9 \t\u00a0\u2009\u202f\-\u2010-\u2013()\[\].]{4,}")  # by a person, who dials it


def mention_of(number: str, region: str) -> Callable[[str], bool]:
    """What tells whether a text has a number in it, also amid other digits; a text that is another number has not.

    Args:
        number: in E.164.
        region: where the text is from, for forms that are dialled there and have other digits in their midst.
    """
    tail = _apart(tail_of(number))
    whole = _apart(national_of(number))

    def is_dialled(written: str) -> bool:
        return tail.search(written) is not None and _read(written.rstrip(" ([.-"), region) == number

    def is_mentioned(text: str) -> bool:
        if whole_text := _read(text, region):  # with more between its digits than is looked past amid others, too
            return whole_text == number
        if not tail.search(text):
            return False
        return whole.search(text) is not None or any(map(is_dialled, _WRITTEN.findall(text)))

    return is_mentioned


def _read(text: str, region: str) -> str | None:
    """The number that a text is, as people in the region dial it, or as spreadsheets write that; None if it is none."""
    try:
        return normal_number(bare_number(text.strip()), region)
    except DialbookError:
        return None


def _apart(digits: str) -> re.Pattern[str]:
    return re.compile(_APART.join(digits))

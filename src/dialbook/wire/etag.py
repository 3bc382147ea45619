"""Entity tags in headers: `ETag`, `If-Match` and `If-None-Match` (RFC 9110 sections 8.8.3 and 13.1)."""

import re
from collections.abc import Sequence

from dialbook.model.errors import Invalid
from dialbook.model.etag import ANY, NONE, ETags

_TAG = r'(W/)?"([!#-~\x80-\xff]*)"'

_tags = re.compile(_TAG).findall
# Possessive, so that no header, however long, is read more than once.
_is_list = re.compile(rf"[\t ,]*+{_TAG}(?:[\t ]*+,[\t ,]*+{_TAG})*+[\t ,]*+").fullmatch


def etag_header(etag: str) -> dict[str, str]:
    """The header that tells the tag of what an answer shows."""
    return {"ETag": f'"{etag}"'}


def read_expected(lines: Sequence[str]) -> ETags:
    """Read `If-Match`: the states in which a change may be made, any where there is no such header.

    A weak tag matches none: it was made by somebody between, and does not name what is stored.

    Raises:
        Invalid: it is neither `*` nor a list of tags.
    """
    return _read("If-Match", lines, weak_too=False) if lines else ANY


def read_seen(lines: Sequence[str]) -> ETags:
    """Read `If-None-Match`: the states that the caller has seen, none where there is no such header.

    Raises:
        Invalid: it is neither `*` nor a list of tags.
    """
    return _read("If-None-Match", lines, weak_too=True) if lines else NONE


def _read(name: str, lines: Sequence[str], *, weak_too: bool) -> ETags:
    text = ", ".join(lines)
    if text.strip() == "*":
        return ANY
    if not _is_list(text):
        raise Invalid(f"{name} is {text!r}; allowed are * and entity tags, each in double quotes, with commas between.")
    return frozenset(etag for weak, etag in _tags(text) if weak_too or not weak)

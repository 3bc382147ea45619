"""The cookies that a browser has of the console, none of which is ever quoted.

The standard library undoes quotes in a time that grows with the square of their length, before Python 3.11.10 and
3.12.6: a stranger's header would hold the event loop for seconds.
"""

from collections.abc import Mapping

from starlette.requests import Request

from dialbook.server.context import header_of


def cookies_of(request: Request) -> Mapping[str, str]:
    """Their values by name, as they are written; of two with one name the last one."""
    pairs = (part.partition("=") for part in header_of(request, b"cookie").split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}

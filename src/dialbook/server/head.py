"""What the head of a request may be (RFC 9112): its size, and that it says which host is meant."""

from collections.abc import Sequence
from itertools import chain

from dialbook.model.errors import DialbookError, HeadTooLarge, Unreadable, UrlTooLong

URL_LIMIT = 8 * 1024  # bytes
HEADERS_LIMIT = 32 * 1024  # bytes of all names and values
HEADERS = 100
UNENDED_LIMIT = 48 * 1024  # bytes of a head that has no end: the same, and whatever stands between

Headers = Sequence[tuple[bytes, bytes]]


def check_head(url: bytes, headers: Headers, version: str) -> None:
    """Check a head.

    Args:
        url: the request's target.
        headers: with names in lower case.
        version: of HTTP.

    Raises:
        UrlTooLong, HeadTooLarge: it is larger than allowed.
        Unreadable: it has no Host, or several (RFC 9112, section 3.2), or a body that is coded by more than chunks.
    """
    if len(url) > URL_LIMIT:
        raise _url_too_long()
    if len(headers) > HEADERS:
        raise HeadTooLarge(f"The request has more than {HEADERS} headers.")
    if sum(map(len, chain.from_iterable(headers))) > HEADERS_LIMIT:
        raise _headers_too_large()
    names = [name for name, _ in headers]
    hosts = names.count(b"host")
    if hosts > 1 or (hosts == 0 and version != "1.0"):
        raise Unreadable("The request must have one header Host.")
    if b"transfer-encoding" in names and _codings(headers) != [b"chunked"]:
        raise Unreadable("The only Transfer-Encoding that is understood is chunked.")


def _codings(headers: Headers) -> list[bytes]:
    return [value.lower() for name, value in headers if name == b"transfer-encoding"]


def unended(url: bytes) -> DialbookError:
    """What to say of a head that goes on and on.

    Args:
        url: what there is of the request's target.
    """
    return _url_too_long() if len(url) > URL_LIMIT else _headers_too_large()


def _url_too_long() -> UrlTooLong:
    return UrlTooLong(f"The URL is longer than {URL_LIMIT} bytes.")


def _headers_too_large() -> HeadTooLarge:
    return HeadTooLarge(f"The headers of the request have more than {HEADERS_LIMIT} bytes.")

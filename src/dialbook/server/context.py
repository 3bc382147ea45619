"""What a handler may ask of its request."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from urllib.parse import parse_qsl, quote, unquote, unquote_plus

from msgspec import Struct
from starlette.requests import Request

from dialbook.counts import Counts
from dialbook.model.account import Account, ApiKey
from dialbook.model.errors import Invalid
from dialbook.model.etag import ETags
from dialbook.model.lists import ListLimits
from dialbook.model.page import Window
from dialbook.model.upload import VALUE_SHOWN
from dialbook.server.load import Place
from dialbook.server.rate_limit import RateLimit
from dialbook.server.sign_ins import FailedSignIns
from dialbook.settings import Settings
from dialbook.store.database import Database
from dialbook.store.spool import Spool
from dialbook.wire.etag import read_expected, read_seen
from dialbook.wire.paging import read_walk, read_window

IN_QUERY = "%=+/?:@!$'()*,;"  # beside letters and digits (RFC 3986, section 3.4)


class Service(Struct, frozen=True):
    """What all requests share."""

    db: Database
    settings: Settings
    clock: Callable[[], datetime]
    rate_limit: RateLimit | None
    write_log: Callable[[str], object] | None
    counts: Counts | None
    spool: Spool
    looking: asyncio.Semaphore  # for those who look through a file, which takes a while
    failed_sign_ins: FailedSignIns

    @property
    def list_limits(self) -> ListLimits:
        """How many contacts a list may hold."""
        return ListLimits(self.settings.static_list_limit, self.settings.dynamic_list_limit)


def service_of(request: Request) -> Service:
    """The database, the settings and the clock."""
    service: Service = request.scope["service"]
    return service


def place_of(request: Request) -> Place:
    """The request's place among those that are under way."""
    place: Place = request.scope["place"]
    return place


def account_of(request: Request) -> Account:
    """The account that the request's credentials belong to, which is the one in its path."""
    account: Account = request.scope["account"]
    return account


def key_of(request: Request) -> ApiKey | None:
    """The key that the request's credentials name, once it was looked up; it may be closed."""
    key: ApiKey | None = request.scope.get("key")
    return key


def still_open(request: Request) -> Callable[..., bool]:
    """What says in a transaction, at a moment `now`, whether the key or session that was let in would be so again."""
    is_open: Callable[..., bool] = request.scope["is_open"]
    return is_open


def now_of(request: Request) -> datetime:
    """The moment at which the request came in, its body too."""
    now: datetime = request.scope["now"]
    return now


def header_of(request: Request, name: bytes) -> str:
    """The first header of this name, which is in lower case; empty where there is none."""
    headers: list[tuple[bytes, bytes]] = request.scope["headers"]
    for given, value in headers:
        if given == name:
            return value.decode("latin-1")
    return ""


def headers_of(request: Request, name: bytes) -> list[str]:
    """Every header of this name, which is in lower case: a list may be cut into several."""
    headers: list[tuple[bytes, bytes]] = request.scope["headers"]
    return [value.decode("latin-1") for given, value in headers if given == name]


def expected_by(request: Request) -> ETags:
    """The states in which the caller wants its change to be made.

    Raises:
        Invalid: `If-Match` is not what is allowed.
    """
    return read_expected(headers_of(request, b"if-match"))


def seen_by(request: Request) -> ETags:
    """The states that the caller has seen, and need not be shown again.

    Raises:
        Invalid: `If-None-Match` is not what is allowed.
    """
    return read_seen(headers_of(request, b"if-none-match"))


def query_of(request: Request) -> Mapping[str, str]:
    """The query, read; of two parameters with one name the last one."""
    return _read_query(request.scope["query_string"])


def window_of(request: Request) -> Window:
    """Which part of a collection the query asks for.

    Raises:
        Invalid: `offset` or `limit` is not what is allowed.
    """
    return _read(read_window, request.scope["query_string"], service_of(request).settings.page_limit)


def walk_of(request: Request) -> Window:
    """Which part of a list's contacts the query asks for: a window, or what comes after a cursor.

    Raises:
        Invalid: `offset`, `limit` or `after` is not what is allowed.
    """
    return _read(read_walk, request.scope["query_string"], service_of(request).settings.page_limit)


def url_but_paging(request: Request) -> str:
    """The request's path and query, ready for `offset` or `after` to be added."""
    path: str = request.scope["path"]
    return path + _query_but_paging(request.scope["query_string"])


def sid_of(request: Request, name: str) -> str:
    """A sid out of the path."""
    sid: str = request.scope["path_params"][name]
    return sid


# Callers ask for the same few windows over and over, and reading one takes longer than a look-up in the database.
@lru_cache(maxsize=256)
def _read(read: Callable[..., Window], query: bytes, largest: int) -> Window:
    return read(_read_query(query), largest=largest)


@lru_cache(maxsize=256)
def _query_but_paging(query: bytes) -> str:
    parts = [part for part in query.split(b"&") if part and _name_in(part) not in {"offset", "after"}]
    return "?" + "".join([f"{quote(part, safe=IN_QUERY)}&" for part in parts])


def _name_in(part: bytes) -> str:
    return unquote_plus(part.partition(b"=")[0].decode("latin-1"))


@lru_cache(maxsize=256)
def _read_query(query: bytes) -> Mapping[str, str]:
    text = query.decode("latin-1")
    for part in text.split("&"):
        _check_escapes(part)
    return dict(parse_qsl(text, keep_blank_values=True))


def _check_escapes(part: str) -> None:
    try:
        unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise Invalid(f"The query has {part[:VALUE_SHOWN]!r}; allowed are percent-escapes of UTF-8.") from None

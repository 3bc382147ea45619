"""Where an account is, and what opens it."""

import os
from typing import Literal, TypedDict, get_args
from urllib.parse import SplitResult, quote, unquote, urlsplit

import httpx2
from msgspec import Struct

VARIABLE = "DIALBOOK_URL"
FORM = "https://<key>:<token>@<host>/v2/accounts/<account>"

Region = Literal["sg", "in"]

HOSTS = {"sg": "api.exotel.com", "in": "api.in.exotel.com"}  # of the public service: Singapore, Mumbai

_PATH = "/v2/accounts/"

_URL_RULE = f"The address must be {FORM}, with http or https; escape what is special in key and token."
_BASE_RULE = "The address's base_url must be http or https://<host>, such as http://127.0.0.1:8080."


class Parts(TypedDict, total=False):
    """An address in parts: an account, its key and token, and one of `region` and `base_url`."""

    account: str
    key: str
    token: str
    region: Region  # of the public service
    base_url: str  # what comes before /v2/accounts, such as http://127.0.0.1:8080


class Address(Struct, frozen=True):
    """An account's URL, without credentials, and these beside it; they are never shown."""

    url: str
    key: str
    token: str

    def __repr__(self) -> str:
        return f"<Address {self.url}>"


def find_address(url: str | None, parts: Parts) -> Address:
    """The address that is given as one URL, in parts, or by the environment.

    Raises:
        ValueError: none, more than one, or one that cannot be read. No credentials are in its text.
    """
    if url is not None and parts:
        raise ValueError(f"An address is one URL or {', '.join(Parts.__annotations__)}, not both.")
    if parts:
        return _checked(_put_together(parts))
    url = os.environ.get(VARIABLE) if url is None else url
    if not url:
        raise ValueError(f"There is no address: give one as {FORM}, in parts, or in {VARIABLE}.")
    return _checked(_take_apart(url.strip()))


def _checked(address: Address) -> Address:
    """Let nothing through that the first call would stumble over."""
    if not _is_text(address.key + address.token):
        raise ValueError("The address's key or token holds half of a surrogate pair, which is no character.")
    if ":" in address.key:
        raise ValueError("The address's key holds a colon, where HTTP takes it to end.")
    if unquote(address.url.rpartition("/")[2]) in {".", ".."}:
        raise ValueError("The address's account is no name.")
    if not _is_askable(address.url):
        raise ValueError("The address has a host or a character that no address can have.")
    return address


def _is_text(given: str) -> bool:
    try:
        given.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_askable(url: str) -> bool:
    """Whether the HTTP library reads it, and the system's resolver takes its host."""
    try:
        return bool(httpx2.URL(url).raw_host.decode().encode("idna"))
    except (httpx2.InvalidURL, ValueError):
        return False


def _take_apart(url: str) -> Address:
    split = _split(url, _URL_RULE)
    before, found, account = split.path.rstrip("/").rpartition(_PATH)
    if not (found and account and split.username and split.password) or "/" in account:
        raise ValueError(f"The address must be {FORM}.")
    return Address(f"{_origin(split)}{before}{_PATH}{account}", unquote(split.username), unquote(split.password))


def _put_together(parts: Parts) -> Address:
    if missing := {"account", "key", "token"} - parts.keys():
        raise ValueError(f"The address lacks {', '.join(sorted(missing))}.")
    if empty := [name for name, value in parts.items() if not (value and isinstance(value, str))]:
        raise ValueError(f"The address's {', '.join(empty)} must be a text that is not empty.")
    if not _is_text(parts["account"]):
        raise ValueError("The address's account is no name.")
    return Address(f"{_base(parts)}{_PATH}{quote(parts['account'], safe='')}", parts["key"], parts["token"])


def _base(parts: Parts) -> str:
    if ("region" in parts) == ("base_url" in parts):
        raise ValueError("The address needs one of region and base_url.")
    if "region" not in parts:
        split = _split(parts["base_url"], _BASE_RULE)
        return f"{_origin(split)}{split.path.rstrip('/')}"
    if parts["region"] not in HOSTS:
        raise ValueError(f"region is {parts['region']!r}; allowed are {', '.join(get_args(Region))}.")
    return f"https://{HOSTS[parts['region']]}"


def _split(url: str, rule: str) -> SplitResult:
    try:
        split = urlsplit(url)
        is_fit = split.scheme in {"http", "https"} and split.hostname and split.port != 0
    except ValueError:  # its text may hold a part of the token
        is_fit = False
    if not is_fit or split.query or split.fragment:
        raise ValueError(rule)
    return split


def _origin(split: SplitResult) -> str:
    return f"{split.scheme}://{split.netloc.rpartition('@')[2]}"

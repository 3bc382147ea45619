"""HTTP Basic authentication: who asks, and whether they may (contract section 1)."""

import base64
from functools import lru_cache, partial
from urllib.parse import urlsplit

from msgspec import Struct
from starlette.requests import Request

from dialbook.model.account import Account, ApiKey, Scope
from dialbook.model.credentials import hash_token, is_same_hash, may_be_credentials
from dialbook.model.errors import Forbidden, Unauthorized
from dialbook.server.address import client_address
from dialbook.server.context import header_of, now_of, service_of, sid_of
from dialbook.store.accounts import find_key, is_key_open
from dialbook.store.database import Tx

CHALLENGE = {"WWW-Authenticate": 'Basic realm="dialbook", charset="UTF-8"'}

SAFE = {"GET", "HEAD"}
OWN_PAGES = {"", "same-origin", "none"}  # values of Sec-Fetch-Site; programs send none at all

CALLERS = 1000  # whose headers are kept, read
LONGEST = 256  # characters of one, which has some 120


class Presented(Struct, frozen=True, cache_hash=True):
    """A key, and what is kept of its token if it is the right one."""

    key: str
    token_hash: str


async def authorise(request: Request) -> Account:
    """The account in the path, when the request's credentials may do there what it asks.

    Raises:
        Unauthorized: no credentials, or none that are live.
        TooManyRequests: the same, too often.
        Forbidden: they belong to another account, lack the scope, or may not be used from where the request comes; or
            a browser sends them for another site's page.
    """
    key, account = await _authenticate(request)
    refuse_other_networks(request, key)
    if request.method not in SAFE:
        refuse_other_sites(request)
    wanted = sid_of(request, "account_sid")
    if account.sid != wanted:
        raise Forbidden(f"This API key does not belong to account '{wanted}'.")
    if request.method in SAFE:
        if Scope.READ not in key.scopes:
            raise Forbidden("This API key may only write; reading needs the scope 'read'.")
    elif Scope.WRITE not in key.scopes:
        raise Forbidden("This API key may only read; writing needs the scope 'write'.")
    return account


def refuse_other_sites(request: Request) -> None:
    """Refuse what a page of another site has a browser send, with the credentials that the browser keeps for us.

    Browsers say whose page it is (Fetch Metadata), those before 2023 at least where it came from (RFC 6454).

    Raises:
        Forbidden: it is not ours.
    """
    site, origin = header_of(request, b"sec-fetch-site"), header_of(request, b"origin")
    is_own = site in OWN_PAGES if site or not origin else _host_of(origin) == header_of(request, b"host")
    if not is_own:
        raise Forbidden("A page of another site may not change anything here.")


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # brackets that hold no address
        return None


def refuse_other_networks(request: Request, key: ApiKey) -> None:
    """Refuse what does not come from a network that the key may be used from.

    Raises:
        Forbidden: it does not.
    """
    if key.networks and not key.is_allowed_from(client_address(request)):
        raise Forbidden("This API key may not be used from here.")


async def _authenticate(request: Request) -> tuple[ApiKey, Account]:
    """The key that was presented, with its account, as the database has it now: a revoked one is closed at once."""
    service, header = service_of(request), header_of(request, b"authorization")[: LONGEST + 1]
    presented = _read_header(header, service.settings.token_secret)
    found = await service.db.recall(verify, presented) if presented else None
    if found:
        request.scope["key"] = found[0]
        if found[0].is_live(now_of(request)):
            request.scope["is_open"] = partial(is_key_open, key=found[0].key)
            return found
    if header:
        count_failure(request, (read_credentials(header) or ("", ""))[0])
    raise unauthorized()


def unauthorized() -> Unauthorized:
    """The refusal of whoever has no live key."""
    return Unauthorized("Give a valid API key and token by HTTP Basic authentication.", headers=CHALLENGE)


def count_failure(request: Request, key: str) -> None:
    """Count a failed sign-in with a key of this name, which is empty where there was none.

    Raises:
        TooManyRequests: there were too many already, from its address or with the key.
    """
    service_of(request).failed_sign_ins.count(client_address(request), key)


def present(key: str, token: str, secret: str) -> Presented | None:
    """What to look for; None when the two cannot be anybody's key and token, which takes no look at the database."""
    return Presented(key, hash_token(token, secret)) if may_be_credentials(key, token) else None


def verify(tx: Tx, presented: Presented) -> tuple[ApiKey, Account] | None:
    """The key that was presented, with its account, where the token proves it."""
    found = find_key(tx, presented.key)
    # An unknown key costs the same comparison as a wrong token, and gets the same answer.
    kept = found[0].token_hash if found else "0" * len(presented.token_hash)
    return found if is_same_hash(presented.token_hash, kept) else None


# Callers send the same header with each request, and reading one takes longer than looking its key up.
@lru_cache(maxsize=CALLERS)
def _read_header(header: str, secret: str) -> Presented | None:
    credentials = read_credentials(header)
    return present(*credentials, secret) if credentials else None


@lru_cache(maxsize=CALLERS)
def read_credentials(header: str) -> tuple[str, str] | None:
    """Read `Basic base64(key:token)` (RFC 7617), however it is written; None where it is something else."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or len(header) > LONGEST:
        return None
    try:
        key, colon, token = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:  # no base64, or no UTF-8
        return None
    return (key, token) if colon else None

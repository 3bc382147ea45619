"""HTTP Basic authentication: who asks, and whether they may (contract section 1)."""

import base64
from urllib.parse import urlsplit

from starlette.requests import Request

from dialbook.model.account import Account, ApiKey, Scope, hash_token, is_same_hash
from dialbook.model.errors import Forbidden, Unauthorized
from dialbook.server.context import header_of, now_of, service_of, sid_of
from dialbook.store.accounts import find_key
from dialbook.store.database import Tx

CHALLENGE = {"WWW-Authenticate": 'Basic realm="dialbook", charset="UTF-8"'}

SAFE = {"GET", "HEAD"}
OWN_PAGES = {"", "same-origin", "none"}  # values of Sec-Fetch-Site; programs send none at all

_NO_HASH = hash_token("")


async def authorise(request: Request) -> Account:
    """The account in the path, when the request's credentials may do there what it asks.

    Raises:
        Unauthorized: no credentials, or none that are live.
        Forbidden: they belong to another account, or lack the scope; or a browser sends them for another site's page.
    """
    key, account = await _authenticate(request)
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
    is_own = site in OWN_PAGES if site or not origin else urlsplit(origin).netloc == header_of(request, b"host")
    if not is_own:
        raise Forbidden("A page of another site may not change anything here.")


async def _authenticate(request: Request) -> tuple[ApiKey, Account]:
    """The key that was presented, with its account, as the database has it now: a revoked one is closed at once."""
    found = await service_of(request).db.recall(_verify_header, header_of(request, b"authorization"))
    if found is None or not found[0].is_live(now_of(request)):
        raise _unauthorized()
    return found


def verify(tx: Tx, name: str, token: str) -> tuple[ApiKey, Account] | None:
    """The key of this name, with its account, where the token proves it."""
    found = find_key(tx, name)
    # An unknown key costs the same comparison as a wrong token, and gets the same answer.
    is_right = is_same_hash(hash_token(token), found[0].token_hash if found else _NO_HASH)
    return found if is_right else None


def _verify_header(tx: Tx, header: str) -> tuple[ApiKey, Account] | None:
    return verify(tx, *_credentials(header))


def _credentials(header: str) -> tuple[str, str]:
    """Read `Basic base64(key:token)` (RFC 7617)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise _unauthorized()
    try:
        key, colon, token = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:  # no base64, or no UTF-8
        raise _unauthorized() from None
    if not colon or "\0" in key:
        raise _unauthorized()
    return key, token


def _unauthorized() -> Unauthorized:
    return Unauthorized("Give a valid API key and token by HTTP Basic authentication.", headers=CHALLENGE)

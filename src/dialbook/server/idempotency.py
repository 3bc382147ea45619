"""What a request with an `Idempotency-Key` is told by: its key, and the fingerprint of what it asks for.

The header is that of draft-ietf-httpapi-idempotency-key-header-06, of which docs/decisions/0027 says what is kept.
"""

import re
from hashlib import sha256

from msgspec import json
from starlette.requests import Request

from dialbook.model.errors import Invalid
from dialbook.server.context import header_of, headers_of

_is_key = re.compile(r"[!-~]{1,255}").fullmatch


def idempotency_key(request: Request) -> str | None:
    """The key by which the caller may send its request again.

    Raises:
        Invalid: it is not what is allowed.
    """
    given = headers_of(request, b"idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not _is_key(given[0]):
        raise Invalid("Idempotency-Key must come once, and have 1 to 255 visible ASCII characters.")
    return given[0]


def note_content(request: Request, content: bytes) -> None:
    """Keep the hash of what a request brings, if it has a key; before it is answered."""
    if idempotency_key(request) is not None:
        request.scope["content_hash"] = sha256(content).hexdigest()


def fingerprint_of(request: Request) -> str:
    """What tells a request from any other: SHA-256, as hex, of its method, path, query, type and content.

    The type is without parameters: a form that is sent again has another boundary.
    """
    scope = request.scope
    media_type = header_of(request, b"content-type").partition(";")[0].strip().lower()
    query = scope["query_string"].decode("latin-1")
    parts = [request.method, scope["path"], query, media_type, scope.get("content_hash", "")]
    return sha256(json.encode(parts)).hexdigest()

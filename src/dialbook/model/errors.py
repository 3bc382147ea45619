"""Every refusal Dialbook utters, with its HTTP status and the contract's code (contract sections 2 and 8).

DialbookError
├── NotFound             404  1000
├── Missing              400  1001
├── Invalid              400  1002
│   ├── PreconditionFailed 412 1002
│   ├── KeyReused        422  1002
│   ├── UrlTooLong       414  1002
│   └── HeadTooLarge     431  1002
├── Forbidden            403  1003
├── Internal             500  1004
│   └── Unavailable      503  1004
│       └── OutcomeUnknown 503 1004
├── MethodNotAllowed     405  1005
├── TooManyRequests      429  1006
├── Unreadable           400  1007
│   ├── TooSlow          408  1007
│   └── TooLarge         413  1007
├── Duplicate            409  1008
├── Unauthorized         401  1010
└── UnsupportedType      415  1011
"""

from collections.abc import Mapping
from typing import Any

NO_HEADERS: Mapping[str, str] = {}
STOPPING = "The server is stopping."
RETRY_SECONDS = 1
RETRY_SOON: Mapping[str, str] = {"Retry-After": str(RETRY_SECONDS)}


class DialbookError(Exception):
    """A request, or one item of it, that is refused; its text is the description a client reads."""

    status: int
    code: int
    message: str
    request_id: str | None = None  # of the request, known to whom a server refused it

    def __init__(self, description: str, *, headers: Mapping[str, str] = NO_HEADERS) -> None:
        super().__init__(description)
        self.description = description
        self.headers = headers


class NotFound(DialbookError):
    status, code, message = 404, 1000, "Not Found"


class Missing(DialbookError):
    status, code, message = 400, 1001, "Mandatory Parameter missing"


class Invalid(DialbookError):
    status, code, message = 400, 1002, "Invalid parameter"


class PreconditionFailed(Invalid):
    status = 412


class KeyReused(Invalid):
    """An `Idempotency-Key` came with another request than the one that it names."""

    status = 422


class UrlTooLong(Invalid):
    status = 414


class HeadTooLarge(Invalid):
    status = 431


class Forbidden(DialbookError):
    status, code, message = 403, 1003, "Authorization failed"


class Internal(DialbookError):
    status, code, message = 500, 1004, "Internal Server Error"


class Unavailable(Internal):
    status = 503


class TookTooLong(Unavailable):
    """A statement was given up; one about less may come to its end."""


class OutcomeUnknown(Unavailable):
    """Nobody can know whether a change was made."""


class MethodNotAllowed(DialbookError):
    status, code, message = 405, 1005, "Method not implemented"


class TooManyRequests(DialbookError):
    status, code, message = 429, 1006, "Too Many Requests"


class Unreadable(DialbookError):
    # The blank at the end is the contract's.
    status, code, message = 400, 1007, "Invalid request body, failed parsing "


class TooSlow(Unreadable):
    status = 408


class TooLarge(Unreadable):
    status = 413


class Duplicate(DialbookError):
    """What was to be made exists; `existing` is that thing where the contract gives it back (4.1, 6.1)."""

    status, code, message = 409, 1008, "Duplicate resource"

    def __init__(self, description: str, *, existing: Any = None) -> None:
        super().__init__(description)
        self.existing = existing


class Unauthorized(DialbookError):
    status, code, message = 401, 1010, "Authorization failed"


class UnsupportedType(DialbookError):
    status, code, message = 415, 1011, "unsupported content type"

"""Headers that guard whoever reads an answer (OWASP ASVS 5.0, V3.4 and V14.3.2)."""

from collections.abc import Sequence
from typing import TypeAlias

RawHeader: TypeAlias = tuple[bytes, bytes]

NO_STORE = {"Cache-Control": "no-store"}  # what is asked for with credentials is kept by nobody on the way
NO_SNIFFING = (b"x-content-type-options", b"nosniff")
ONLY_HTTPS = (b"strict-transport-security", b"max-age=31536000")

# Of pages: nobody who opens one, or is opened by it, gets at it, or is told where it was.
PAGE = {"Cross-Origin-Opener-Policy": "same-origin", "Referrer-Policy": "same-origin"}


def common_headers(*, is_https: bool) -> Sequence[RawHeader]:
    """Those of every answer of a server."""
    return [NO_SNIFFING, ONLY_HTTPS] if is_https else [NO_SNIFFING]

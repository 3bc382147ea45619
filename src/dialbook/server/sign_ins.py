"""How often somebody may fail to sign in, from one address and with one key (docs/decisions/0026)."""

from collections.abc import Hashable
from ipaddress import IPv6Address, IPv6Network

from dialbook.model.errors import TooManyRequests
from dialbook.model.network import Address
from dialbook.server.window import MovingWindow

REMEMBERED = 10_000  # addresses and keys
SITE = 64  # bits of an IPv6 address: whoever has one address has all that begin with the same


class FailedSignIns:
    """Counts them, and refuses those that are too many; whoever gives the right credentials is never counted.

    Args:
        allowed: how many a minute; 0 for any number.
    """

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._window = MovingWindow(allowed, REMEMBERED)

    def count(self, address: Address, key: str) -> None:
        """Count one.

        Args:
            address: where it came from.
            key: the name of the key that was given; empty for none.

        Raises:
            TooManyRequests: there were too many already.
        """
        if not self._allowed:
            return
        tried = [("address", _site(address)), ("key", key)] if key else [("address", _site(address))]
        counts = [self._window.count(hash(each)) for each in tried]  # which is short, whatever was given as a key
        if not all(count.is_within for count in counts):
            wait = max(count.wait for count in counts if not count.is_within)
            description = f"Signing in failed {self._allowed} times in a minute, which is as often as it may."
            raise TooManyRequests(description, headers={"Retry-After": str(wait)})


def _site(address: Address) -> Hashable:
    return IPv6Network((address, SITE), strict=False) if isinstance(address, IPv6Address) else address

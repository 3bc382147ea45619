"""How often somebody may fail to sign in, from one address and with one key (docs/decisions/0026)."""

from pathlib import Path

from dialbook.model.errors import TooManyRequests
from dialbook.model.network import Address, site_of
from dialbook.server.window import SlidingWindow

FILES = 4096  # for all addresses and keys, so that nobody who makes up more of them fills the disk


class FailedSignIns:
    """Counts them, and refuses those that are too many; whoever gives the right credentials is never counted.

    Args:
        allowed: how many a minute; 0 for any number.
        folder: what the workers share, which count together.
    """

    def __init__(self, allowed: int, folder: Path) -> None:
        self._allowed = allowed
        self._window = SlidingWindow("failed-sign-ins", allowed, folder, files=FILES)

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
        tried = [f"address {site_of(address)}", f"key {key}"] if key else [f"address {site_of(address)}"]
        counts = [self._window.count(each) for each in tried]
        waits = [count.wait for count in counts if count and not count.is_within]
        if waits:
            description = f"Signing in failed {self._allowed} times in a minute, which is as often as it may."
            raise TooManyRequests(description, headers={"Retry-After": str(max(waits))})

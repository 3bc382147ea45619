"""Connections that nobody else sends over."""

from collections.abc import Callable

import httpx2

from dialbook.client.owners import async_owner


class AsyncOwn:
    """The HTTP library's client: one for each process, and each event loop, that asks for it in turn.

    Over a connection that a fork has left in two processes, the one reads the answers of the other; one of another
    event loop cannot be used at all.

    Args:
        make: makes a client; it is called at once, so that its troubles are those of who begins.
    """

    def __init__(self, make: Callable[[], httpx2.AsyncClient]) -> None:
        self._make = make
        self._http = make()
        self._owner: object = None  # until it is first used

    def get(self) -> httpx2.AsyncClient:
        """The client of who asks; one that is closed stays closed for all."""
        asking = async_owner()
        if self._owner not in {None, asking} and not self._http.is_closed:
            # The other is let go: to close it would end connections that its owner still uses.
            self._http = self._make()
        self._owner = asking
        return self._http

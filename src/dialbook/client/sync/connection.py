# Built by tools/build_sync_client.py from src/dialbook/client/aio/connection.py: change it there.
"""The connection to an account: what sends an operation, and sends it again where that is safe."""

import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Self, TypeVar, Unpack

import httpx2

from dialbook import __version__
from dialbook.client.address import Parts, find_address
from dialbook.client.answers import Answer
from dialbook.client.encoding import Part, parts
from dialbook.client.errors import trouble_as_no_answer, trouble_with_results, unsendable_as_invalid
from dialbook.client.keys import KEY, is_confirmed, new_key
from dialbook.client.operations import Operation
from dialbook.client.results import Outcome, Results
from dialbook.client.retries import Retries
from dialbook.client.surroundings import trouble_by_name
from dialbook.client.sync.own import Own
from dialbook.model.errors import DialbookError
from dialbook.wire.uploads import FILE

T = TypeVar("T")

log = logging.getLogger("dialbook.client")

TIMEOUT = httpx2.Timeout(60, connect=10)
RETRIES = Retries()
LONG = 5.0  # seconds: a pause that whoever waits wants to know of


class Connection:
    """What all calls share.

    Args:
        url: the account with its credentials, `https://<key>:<token>@<host>/v2/accounts/<account>`; when neither it
            nor parts are given, the environment's `DIALBOOK_URL`.
        timeout: seconds for each step of a request: to connect, to send, to wait for more of the answer.
        retries: how often, and after which pauses, a request is sent again where that is safe; after the first change
            whose answer has its `Idempotency-Key`, it is for all.
        sleep: what waits so many seconds.
        parts: the address in parts, in place of a URL: `account`, `key`, `token`, and `region` of the public service,
            `"sg"` or `"in"`, or `base_url`.

    Raises:
        ValueError: there is no address, more than one, or one that cannot be read; or a variable of the environment
            names a proxy or certificates that cannot be used.
    """

    _url = "without an address"  # until it is found

    def __init__(
        self,
        url: str | None = None,
        *,
        timeout: float | httpx2.Timeout = TIMEOUT,
        retries: Retries = RETRIES,
        sleep: Callable[[float], object] = time.sleep,
        **parts: Unpack[Parts],
    ) -> None:
        address = find_address(url, parts)
        self._url = address.url
        self._retries = retries
        self._sleep = sleep
        self._knows_keys = False  # until the server has shown that it does
        self._own = Own(partial(_new_http, httpx2.BasicAuth(address.key, address.token), timeout))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client cannot be used after that."""
        self._http.close()

    @property
    def _http(self) -> httpx2.Client:
        return self._own.get()

    def _send(self, operation: Operation[T]) -> T:
        """Send an operation; return its result."""
        key = new_key(operation)

        def once() -> T:
            with trouble_as_no_answer():
                response = self._http.send(self._request(operation, key))
            self._knows_keys |= is_confirmed(key, response.headers)
            return operation.read(Answer(response.status_code, response.headers, response.content))

        return self._insist(operation, once)

    def _open(self, operation: Operation[Any]) -> httpx2.Response:
        """Send an operation; return its answer, which is a success, to be read bit by bit and closed."""

        def once() -> httpx2.Response:
            with trouble_as_no_answer():
                response = self._http.send(self._request(operation), stream=True)
                if response.status_code != 200:
                    response.read()
                    operation.read(Answer(response.status_code, response.headers, response.content))
            return response

        return self._insist(operation, once)

    def _send_each(self, bulk: Callable[[Part], Operation[list[Outcome[T]]]], items: Iterable[object]) -> Results[T]:
        """Send any number of items, in as many requests as they need; raises as `trouble_with_results`."""
        results: Results[T] = Results()
        with trouble_with_results(results):
            for part in parts(items):
                outcomes = self._send(bulk(part))
                results += outcomes
        return results

    def _insist(self, operation: Operation[Any], once: Callable[[], T]) -> T:
        """Do it once, and again where that is safe and may help."""
        attempt = 1
        while True:
            try:
                return once()
            except DialbookError as error:
                pause = self._retries.pause(error, attempt, is_safe=operation.is_safe or self._knows_keys)
                if pause is None:
                    raise
                level = logging.INFO if pause < LONG else logging.WARNING
                log.log(level, "%s %s: %s Again in %.1f seconds.", operation.method, operation.path, error, pause)
            attempt += 1
            self._sleep(pause)

    def _request(self, operation: Operation[Any], key: str | None = None) -> httpx2.Request:
        form = operation.form
        named = {KEY: key} if key else {}
        with unsendable_as_invalid():
            return self._http.build_request(
                operation.method,
                self._url + operation.path,
                params=operation.query or None,
                headers={"Accept": operation.accept, **named},
                content=operation.body,
                data=form.fields if form else None,
                files={FILE: ("contacts.csv", form.file, "text/csv")} if form else None,
            )


def _new_http(auth: httpx2.Auth, timeout: float | httpx2.Timeout) -> httpx2.Client:
    with trouble_by_name():
        return httpx2.Client(auth=auth, headers={"User-Agent": f"dialbook/{__version__}"}, timeout=timeout)

"""What goes wrong besides the refusals of a server, which are those of `dialbook.model.errors`.

DialbookError
├── NoAnswer             none came
│   └── TimedOut         in time
├── NotUnderstood        what came is no answer of this API
├── NotOffered           what was asked for only Dialbook does
├── ItemsRefused         of a bulk call, asked for by `Results.raise_for_failures`
└── Interrupted          a bulk call ended before its last request

KeyboardInterrupt
└── Stopped              a bulk call was ended by Ctrl-C
"""

import copyreg
from asyncio import CancelledError
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx2

from dialbook.model.errors import DialbookError, Invalid

if TYPE_CHECKING:
    from dialbook.client.results import Results

# What happens before the first byte of a request is sent.
_UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


class NoAnswer(DialbookError):
    """The connection could not be made, broke, or took too long; status and code are 0."""

    status, code, message = 0, 0, "No answer"

    def __init__(self, description: str, *, may_be_done: bool = True) -> None:
        super().__init__(description)
        self.may_be_done = may_be_done  # whether the server may have done what it was asked for


class TimedOut(NoAnswer):
    """No answer came in time."""


class NotUnderstood(DialbookError):
    """An answer in a shape that this API does not have; `status` is that of HTTP."""

    code, message = 0, "Not understood"

    def __init__(self, description: str, *, status: int = 0) -> None:
        super().__init__(description)
        self.status = status


class NotOffered(DialbookError):
    """An extension of Dialbook's that this server passes over, which would do more than was asked for: nothing is done.

    Status and code are 0.
    """

    status, code, message = 0, 0, "Not offered"


class _Portable(DialbookError):
    """One that goes to another process, though it is made of more than its text."""

    def __reduce__(self) -> tuple[Any, ...]:
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]  # pickle's own


class ItemsRefused(_Portable):
    """Some items of a bulk call were refused; status, code and request id are those of the first."""

    def __init__(self, failures: Mapping[int, DialbookError], total: int) -> None:
        place, first = next(iter(failures.items()))
        super().__init__(
            f"{len(failures)} of {total} items were refused; the first is item {place}: {first.description}"
        )
        self.status, self.code, self.message = first.status, first.code, first.message
        self.request_id = first.request_id
        self.failures = failures  # by their place among the items, counted from 0


class Interrupted(_Portable):
    """A bulk call ended before its last request: `__cause__` says why, and `results` what was done before.

    A request failed as a whole; or who gave the items broke off, and status and code are 0.
    """

    status, code, message = 0, 0, "Interrupted"

    def __init__(self, results: "Results[Any]", cause: Exception) -> None:
        super().__init__(f"{len(results)} items were dealt with, then {_what_ended(cause)}")
        if isinstance(cause, DialbookError):
            self.status, self.code, self.message = cause.status, cause.code, cause.message
            self.request_id = cause.request_id
        self.results = results


class Stopped(KeyboardInterrupt):
    """A bulk call was ended by Ctrl-C: `results` is what was done before; of what came next it is not known.

    Under `asyncio.run` Ctrl-C cancels the task: the `asyncio.CancelledError` has the `results` there.
    """

    def __init__(self, results: "Results[Any]") -> None:
        super().__init__(f"{len(results)} items were dealt with")
        self.results = results


def _what_ended(cause: Exception) -> str:
    if isinstance(cause, DialbookError):
        return f"a request failed: {cause.description}"
    # Its text may hold what was to be sent: somebody's name or number.
    return f"the items broke off: {type(cause).__name__}."


@contextmanager
def trouble_with_results(results: "Results[Any]") -> Iterator[None]:
    """Give what ends a bulk call the results so far.

    Raises:
        Interrupted: a request after the first failed as a whole, or was not made, since the items broke off.
        Stopped: by Ctrl-C.
        CancelledError: of asyncio, with the `results`.
    """
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Stopped(results) from stop
    except CancelledError as stop:
        stop.results = results  # type: ignore[attr-defined]  # asyncio.timeout knows no class but this one
        raise
    except Exception as error:
        if not results:
            raise
        raise Interrupted(results, error) from error


@contextmanager
def unsendable_as_invalid() -> Iterator[None]:
    """Refuse what no request can hold, before one is sent.

    What was to be sent is not shown: it may be somebody's name or number.
    """
    try:
        yield
    except UnicodeEncodeError:
        raise Invalid("A text holds half of a surrogate pair, which is no character.") from None
    except httpx2.InvalidURL as trouble:
        raise Invalid(
            f"What was given does not go into a URL, which holds at most 65536 characters: {trouble}."
        ) from None


@contextmanager
def trouble_as_no_answer() -> Iterator[None]:
    """Turn what the HTTP library says of trouble on the way into NoAnswer.

    Its own exception is not shown with it: the frames that it comes from hold the request's credentials.
    """
    try:
        yield
    except httpx2.HTTPError as trouble:
        raise _no_answer(trouble) from None


def _no_answer(trouble: httpx2.HTTPError) -> NoAnswer:
    may_be_done = not isinstance(trouble, _UNSENT)
    kind = TimedOut if isinstance(trouble, httpx2.TimeoutException) else NoAnswer
    server = trouble.request.url.netloc.decode()
    what = "No answer came; whether the request was done is not known" if may_be_done else f"{server} is not reached"
    said = ": ".join(filter(None, [type(trouble).__name__, str(trouble)]))
    return kind(f"{what} ({said}).", may_be_done=may_be_done)

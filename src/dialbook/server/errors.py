"""The one place where an exception becomes an answer."""

import asyncio
import logging
from collections.abc import Callable
from typing import TypeAlias

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dialbook.log import describe
from dialbook.model.errors import (
    RETRY_SOON,
    STOPPING,
    DialbookError,
    Internal,
    MethodNotAllowed,
    NotFound,
    OutcomeUnknown,
    Unavailable,
)
from dialbook.server.auth import SAFE
from dialbook.server.context import header_of, place_of
from dialbook.server.reply import reply
from dialbook.wire.envelope import refusal

ErrorAnswer: TypeAlias = Callable[[Request, BaseException], Response]

log = logging.getLogger(__name__)


def answer_error(request: Request, error: BaseException) -> Response:
    """Answer what we refuse ourselves, what the framework refuses, and what nobody foresaw."""
    return reply(request, refusal(as_refusal(request, error)))


def as_refusal(request: Request, error: BaseException) -> DialbookError:
    """What to say of an error: as we refuse it ourselves, or else that something went wrong, which the log tells."""
    if isinstance(error, HTTPException):
        return _ours(request, error)
    if isinstance(error, DialbookError):
        return error
    if isinstance(error, asyncio.CancelledError):
        return _cut_off(request)
    log.error("request %s failed: %s", request.scope["request_id"], describe(error))
    return Internal("Something went wrong here; the log names this request's id.")


def _cut_off(request: Request) -> DialbookError:
    """What to say of a request that a stopping server waits for no longer: once begun it may be done all the same."""
    if refused := place_of(request).refusal:
        return refused
    if request.method in SAFE or header_of(request, b"idempotency-key"):
        return Unavailable(STOPPING, headers=RETRY_SOON)
    return OutcomeUnknown(f"{STOPPING} Whether the change was made is unknown: look before you ask for it again.")


def _ours(request: Request, error: HTTPException) -> DialbookError:
    if error.status_code != 405:
        return NotFound("There is no such path.")
    allowed = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
    description = f"{request.method} is not allowed here; allowed are {allowed}."
    return MethodNotAllowed(description, headers={"Allow": allowed})

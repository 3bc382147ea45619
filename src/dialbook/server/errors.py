"""The one place where an exception becomes an answer."""

import logging
from collections.abc import Callable
from typing import TypeAlias

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dialbook.log import describe
from dialbook.model.errors import DialbookError, Internal, MethodNotAllowed, NotFound
from dialbook.server.reply import reply
from dialbook.wire.envelope import refusal

ErrorAnswer: TypeAlias = Callable[[Request, Exception], Response]

log = logging.getLogger(__name__)


def answer_error(request: Request, error: Exception) -> Response:
    """Answer what we refuse ourselves, what the framework refuses, and what nobody foresaw."""
    return reply(request, refusal(as_refusal(request, error)))


def as_refusal(request: Request, error: Exception) -> DialbookError:
    """What to say of an error: as we refuse it ourselves, or else that something went wrong, which the log tells."""
    if isinstance(error, HTTPException):
        return _ours(request, error)
    if isinstance(error, DialbookError):
        return error
    log.error("request %s failed: %s", request.scope["request_id"], describe(error))
    return Internal("Something went wrong here; the log names this request's id.")


def _ours(request: Request, error: HTTPException) -> DialbookError:
    if error.status_code != 405:
        return NotFound("There is no such path.")
    allowed = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
    description = f"{request.method} is not allowed here; allowed are {allowed}."
    return MethodNotAllowed(description, headers={"Allow": allowed})

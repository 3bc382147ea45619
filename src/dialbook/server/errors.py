"""The one place where an exception becomes an answer."""

import logging
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dialbook.model.errors import DialbookError, Internal, MethodNotAllowed, NotFound
from dialbook.server.reply import reply
from dialbook.wire.envelope import refusal

log = logging.getLogger(__name__)


async def refuse(request: Request, error: DialbookError) -> Response:
    """Answer what we refuse ourselves."""
    return reply(request, refusal(error))


async def refuse_http(request: Request, error: HTTPException) -> Response:
    """Answer what the framework refuses, in our words."""
    return await refuse(request, _ours(request, error))


def unexpected(request: Request, error: Exception) -> Response:
    """Answer a bug: logged by type and place, without its message, which might hold personal data."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames[-8:]))
    log.error("request %s failed: %s at %s", request.scope["request_id"], type(error).__qualname__, where)
    return reply(request, refusal(Internal("Something went wrong here; the log names this request's id.")))


# Starlette types its handlers for Exception alone.
HANDLERS: Mapping[Any, Callable[[Request, Any], Any]] = {DialbookError: refuse, HTTPException: refuse_http}


def _ours(request: Request, error: HTTPException) -> DialbookError:
    if error.status_code != 405:
        return NotFound("There is no such path.")
    allowed = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
    description = f"{request.method} is not allowed here; allowed are {allowed}."
    return MethodNotAllowed(description, headers={"Allow": allowed})

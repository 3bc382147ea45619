"""/healthz and /readyz: whether the process lives, and whether requests should be sent to it. Neither needs a key."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from dialbook.model.errors import STOPPING, Unavailable

HEALTHZ, READYZ = PROBES = ("/healthz", "/readyz")
BOUND = 1.0  # seconds within which the database and the folder for uploads have to answer

log = logging.getLogger(__name__)


class Question:
    """What may be asked often and may never be answered: it is asked in a thread, and not again before the answer.

    Args:
        about: whose answer it is, at the beginning of a sentence.
        ask: returns when all is well, and raises Unavailable with the reason when it is not.
    """

    def __init__(self, about: str, ask: Callable[[], None]) -> None:
        self._about = about
        self._ask = ask
        self._thread = ThreadPoolExecutor(1, "dialbook-ready")
        self._asked: Future[str | None] | None = None

    async def reason(self) -> str | None:
        """Why not all is well; None when it is."""
        if self._asked is None or self._asked.done():
            self._asked = self._thread.submit(self._reason)
        waiting = asyncio.wrap_future(self._asked)
        await asyncio.wait([waiting], timeout=BOUND)
        return waiting.result() if waiting.done() else f"{self._about} does not answer within {BOUND:g} s."

    def _reason(self) -> str | None:
        try:
            self._ask()
        except Unavailable as refusal:
            return refusal.description
        return None


class Readiness:
    """Whether requests should be sent here.

    Args:
        questions: what all has to be well.
        is_stopping: tells whether the server has been told to stop.
    """

    def __init__(self, questions: Sequence[Question], is_stopping: Callable[[], bool]) -> None:
        self._questions = questions
        self._is_stopping = is_stopping
        self._reasons: list[str] = []

    async def reasons(self) -> list[str]:
        """Why not; nothing when they should. What changes goes to the log."""
        answers = await asyncio.gather(*(question.reason() for question in self._questions))
        reasons = [answer for answer in (self._is_stopping() and STOPPING, *answers) if answer]
        if reasons != self._reasons:
            log.warning("not ready: %s" if reasons else "ready again", *filter(None, [" ".join(reasons)]))
            self._reasons = reasons
        return reasons


def probe_routes(readiness: Readiness) -> list[BaseRoute]:
    """The two probes."""

    async def healthz(request: Request) -> Response:
        return _answer(request, {"status": "ok"})

    async def readyz(request: Request) -> Response:
        if reasons := await readiness.reasons():
            return _answer(request, {"status": "not ready", "reasons": reasons}, 503)
        return _answer(request, {"status": "ok"})

    return [Route(HEALTHZ, healthz), Route(READYZ, readyz)]


def _answer(request: Request, content: dict[str, object], status: int = 200) -> Response:
    request.scope["is_probe"] = True  # one that asks every few seconds has no line in the log
    return JSONResponse(content, status, {"Cache-Control": "no-store"})

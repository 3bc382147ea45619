"""The application: every route, every handler, and what stands around them. Read this first."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias

from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from dialbook.log import log_bugs_of
from dialbook.model.errors import MethodNotAllowed
from dialbook.server import contacts, descriptors, lists, members, uploads
from dialbook.server.auth import authorise
from dialbook.server.context import Service, place_of, service_of
from dialbook.server.deadlines import Deadlines
from dialbook.server.docs import docs_routes
from dialbook.server.errors import ErrorAnswer, answer_error
from dialbook.server.exchange import Exchange
from dialbook.server.export import export_members
from dialbook.server.lag import watch
from dialbook.server.load import Load
from dialbook.server.outbox import Turn
from dialbook.server.probes import Question, Readiness, probe_routes
from dialbook.server.queue import Queue
from dialbook.server.rate_limit import RateLimit
from dialbook.server.refusals import Refusals
from dialbook.server.sign_ins import FailedSignIns
from dialbook.settings import Settings
from dialbook.shared import Shared
from dialbook.store.database import Database
from dialbook.store.engines import look
from dialbook.store.spool import open_spool

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

LOOKING = 2  # files of uploads that are looked through at the same time
PREFIX = "/v2/accounts/{account_sid}"

_control = re.compile(r"[\x00-\x1f\x7f-\x9f]").search

# Paths are tried in this order: the one that is asked for most comes first.
OPERATIONS: Mapping[str, Mapping[str, Handler]] = {
    "/lists/{list_sid}/contacts": {
        "POST": members.add_members,
        "GET": members.list_members,
        "DELETE": members.remove_members,
    },
    "/contacts": {
        "POST": contacts.create_contacts,
        "PUT": contacts.update_contacts,
        "GET": contacts.list_contacts,
        "DELETE": contacts.delete_contacts,
    },
    "/contacts/csv-upload": {
        "POST": uploads.upload_csv,
    },
    "/contacts/{contact_sid}": {
        "PUT": contacts.update_contact,
        "GET": contacts.get_contact,
        "DELETE": contacts.delete_contact,
    },
    "/lists": {
        "POST": lists.create_lists,
        "PUT": lists.update_lists,
        "GET": lists.list_lists,
    },
    "/lists/{list_sid}": {
        "PUT": lists.update_list,
        "GET": lists.get_list,
        "DELETE": lists.delete_list,
    },
    "/lists/{list_sid}/contacts/{contact_sid}": {
        "DELETE": members.remove_member,
    },
    "/csv-status": {
        "GET": uploads.list_uploads,
    },
    "/csv-status/{upload_id}": {
        "GET": uploads.get_upload,
        "DELETE": uploads.cancel_upload,
    },
    "/csv-status/{upload_id}/errors": {
        "GET": uploads.list_upload_errors,
    },
}

# Those of a whole, to which a GET of its pages leads: they take as long as their readers do.
EXPORTS = (export_members, uploads.export_report)

METHODS = {
    **{handler.__name__: method for handlers in OPERATIONS.values() for method, handler in handlers.items()},
    **{handler.__name__: "GET" for handler in EXPORTS},
}


class Site(Struct, frozen=True):
    """What is served beside the API.

    Args:
        routes: where.
        answer_error: what is answered there, and everywhere, where something was refused, or went wrong.
    """

    routes: Sequence[BaseRoute] = ()
    answer_error: ErrorAnswer = answer_error


NOTHING = Site()


def create_app(
    db: Database,
    settings: Settings,
    *,
    shared: Shared,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    write_log: Callable[[str], object] | None = None,
    beside: Site = NOTHING,
) -> ASGIApp:
    """Make the application.

    Args:
        db: an open database, which the application closes when the server stops.
        settings: what the operator set.
        shared: what the processes of the server share.
        clock: tells the time, in UTC.
        write_log: takes one line for each request.
        beside: what is served beside the API.
    """
    counts = shared.new_counts([*METHODS]) if settings.metrics_port else None
    service = Service(
        db,
        settings,
        clock,
        RateLimit(settings.rate_limit, shared.folder) if settings.rate_limit else None,
        write_log,
        counts,
        open_spool(settings.upload_folder, settings.database),
        asyncio.Semaphore(LOOKING),
        FailedSignIns(settings.failed_sign_ins, shared.folder),
    )
    deadlines, refusals = Deadlines(settings), Refusals(db)

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[Mapping[str, object]]:
        log_bugs_of(asyncio.get_running_loop())
        tasks = [asyncio.create_task(deadlines.keep()), asyncio.create_task(descriptors.watch())]
        if counts:
            tasks.append(asyncio.create_task(watch(counts, db)))
        turn = Turn()
        load = Load(settings)
        yield {"turn": turn, "queue": Queue(turn), "load": load, "deadlines": deadlines, "exchange": exchange}
        for task in tasks:
            task.cancel()
        try:
            await refusals.close()
            await turn.over()  # those who are waited for no longer are told, whatever the database waits for yet
        finally:
            db.close()

    routes = [*_routes(service, shared), *docs_routes(settings), *beside.routes]
    router = Paths(routes, redirect_slashes=False, lifespan=lifespan)
    exchange = Exchange(router, service, refusals, beside.answer_error)
    return exchange


def _routes(service: Service, shared: Shared) -> Sequence[BaseRoute]:
    """Those of the API, and of the probes."""
    operations = [Route(PREFIX + path, Resource(by)) for path, by in OPERATIONS.items()]
    questions = [
        Question("The database", partial(look, service.settings.database)),
        Question("The folder for uploads", service.spool.look),
    ]
    return [*operations, *probe_routes(Readiness(questions, shared.is_stopping))]


class Paths(Router):
    """The router; a path with a control character is none, though a route would pass over a line break at its end."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _control(scope["path"]):
            raise HTTPException(404)
        await super().__call__(scope, receive, send)


class Resource:
    """What answers at one path: whether the caller may, whether it is too often, then the handler for the method."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = {**handlers, "HEAD": handlers["GET"]} if "GET" in handlers else handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        handler = self._handlers.get(scope["method"])
        if handler is None:
            raise self._not_allowed(scope["method"])
        scope["operation"] = handler.__name__
        scope["account"] = account = await authorise(request)
        await place_of(request).belong_to(account.sid)
        if rate_limit := service_of(request).rate_limit:
            scope["rate_headers"] = rate_limit.admit(account.sid)
        response = await handler(request)
        await response(scope, receive, send)

    def _not_allowed(self, method: str) -> MethodNotAllowed:
        allowed = ", ".join(sorted(self._handlers))
        return MethodNotAllowed(f"{method} is not allowed here; allowed are {allowed}.", headers={"Allow": allowed})

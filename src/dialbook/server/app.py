"""The application: every route, every handler, and what stands around them. Read this first."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dialbook.server import contacts, errors, lists, members
from dialbook.server.auth import authorise
from dialbook.server.context import Service, service_of
from dialbook.server.docs import docs_routes
from dialbook.server.exchange import Exchange
from dialbook.server.rate_limit import RateLimit
from dialbook.settings import Settings
from dialbook.store.database import Database

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

PREFIX = "/v2/accounts/{account_sid}"

# Paths are tried in this order: the one that is asked for most comes first.
OPERATIONS: Mapping[str, Mapping[str, Handler]] = {
    "/lists/{list_sid}/contacts": {
        "POST": members.add_members,
        "GET": members.list_members,
    },
    "/contacts": {
        "POST": contacts.create_contacts,
        "PUT": contacts.update_contacts,
        "GET": contacts.list_contacts,
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
}


def create_app(
    db: Database,
    settings: Settings,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    write_log: Callable[[str], object] | None = None,
) -> Starlette:
    """Make the application.

    Args:
        db: an open database, which the application closes when the server stops.
        settings: what the operator set.
        clock: tells the time, in UTC.
        write_log: takes one line for each request.
    """
    rate_limit = RateLimit(settings.rate_limit) if settings.rate_limit else None
    service = Service(db, settings, clock, rate_limit, write_log)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        db.close()

    app = Starlette(
        routes=[
            *(
                Route(PREFIX + path, _operation(handlers), methods=list(handlers))
                for path, handlers in OPERATIONS.items()
            ),
            *docs_routes(settings),
        ],
        middleware=[Middleware(Exchange, service=service)],
        exception_handlers=errors.HANDLERS,
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def _operation(handlers: Mapping[str, Handler]) -> Handler:
    """What answers at one path: whether the caller may, whether it is too often, then the handler for the method."""
    by_method = {**handlers, "HEAD": handlers["GET"]} if "GET" in handlers else handlers

    async def answer(request: Request) -> Response:
        handler = by_method[request.method]
        request.scope["operation"] = handler.__name__
        request.scope["account"] = account = await authorise(request)
        if rate_limit := service_of(request).rate_limit:
            request.scope["rate_headers"] = rate_limit.admit(account.sid)
        return await handler(request)

    return answer

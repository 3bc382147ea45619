"""A server that lets little through: a pull and a push wait as they are told, and go on, or say that it is too long."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dialbook.client import AsyncClient
from dialbook.settings import Settings
from tests.client.conftest import fill
from tests.conftest import Server, serving
from tests.mirror.conftest import Mirror

pytestmark = pytest.mark.sqlite

LIMITED = {"http_code": 429, "response": {"code": 429, "error_data": {"code": 1006, "description": "Slow down."}}}


class Limit:
    """Stands before a server; refuses requests whose turn it is, counted from 0, and asks for a pause, if for any."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.refuses: Callable[[int], bool] = lambda _: False
        self.pause = "0"
        self.refused = 0
        self._turns = count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.refuses(next(self._turns)):
            self.refused += 1
            asked = {"Retry-After": self.pause} if self.pause else {}
            await JSONResponse(LIMITED, 429, asked)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


@pytest.fixture
def limits() -> list[Limit]:
    """The limit before the server, once that is there."""
    return []


@pytest.fixture
def there(limits: list[Limit], new_database: Callable[[], str]) -> Iterator[Server]:
    def before(app: ASGIApp) -> Limit:
        limits.append(Limit(app))
        return limits[0]

    with serving(Settings(database=new_database(), page_limit=20), before=before) as server:
        yield server


def test_a_pull_and_a_push_get_through_a_limit(mirror: Mirror, limits: list[Limit]) -> None:
    list_sid, sids = fill(mirror.client, 45)
    limits[0].refuses = lambda turn: turn % 2 == 0

    mirror.pull()
    pulled = limits[0].refused
    limits[0].refuses = lambda _: False
    mirror.client.remove_member(list_sid, sids[5])
    mirror.client.delete_contact(sids[0])
    limits[0].refuses = lambda turn: turn % 2 == 0
    mirror.push("--yes")

    assert 0 < pulled < limits[0].refused
    limits[0].refuses = lambda _: False
    assert mirror.client.get_list(list_sid).contact_count == 45
    mirror.check()


def test_a_pull_that_would_have_to_wait_too_long_says_so_and_goes_on_another_time(
    mirror: Mirror, limits: list[Limit]
) -> None:
    fill(mirror.client, 45)
    limits[0].pause = "3600"
    limits[0].refuses = lambda turn: turn > 5

    result = mirror.run("pull", "--from", mirror.url)
    limits[0].refuses = lambda _: False

    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "Error: Slow down.\n")
    mirror.pull()
    mirror.check()


def test_a_limit_that_does_not_say_for_how_long_is_given_up_to_a_minute(
    mirror: Mirror, limits: list[Limit], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setitem(AsyncClient.__init__.__kwdefaults__ or {}, "sleep", pause)
    limits[0].pause = ""
    limits[0].refuses = lambda _: True

    result = mirror.run("pull", "--from", mirror.url)

    assert (result.exit_code, len(pauses)) == (1, 5)
    assert 31 <= sum(pauses) <= 62

"""The console's pages on a long list: how long each takes, and whether the last page costs what the first does.

One browser's worth of requests on one connection, one after the other, each answered in full before the next is sent:
what is measured is the server's time and the way through the loopback. The views take turns.
"""

import base64
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode

import msgspec

from bench.data import FIRST_NAMES, LAST_NAMES, Book, fill_list, make_book
from bench.effort import Effort
from bench.engines import on_each_engine
from bench.failure import Failure
from bench.plot import Line, draw
from bench.report import Table, ratio
from bench.servers import Server, ask, connect, run_dialbook

BOUND = 100.0  # milliseconds, at p95
DEPTH_BOUND = 1.5  # times the first page
TURNS = 25  # requests for each view in a round
ROWS = 50  # on a page
POINTS = 20  # positions in the figure


def measure(folder: Path, effort: Effort) -> list[Table]:
    """On each engine fill a list, and open every view again and again."""
    return on_each_engine(folder / "console.db", effort, _measure)


def _measure(engine: str, url: str, beside: Path, effort: Effort) -> Table:
    book = make_book(url)
    list_sid = fill_list(url, effort.members)
    with run_dialbook(url, beside) as server, connect(server) as connection:
        headers = {"Cookie": _sign_in(server, book)}
        views = _views(list_sid, *_last_contact(connection, book, list_sid, effort.members), effort.members)
        rounds = [_turns(connection, headers, views) for _ in range(effort.rounds)]
        depths = _depths(connection, headers, list_sid, effort.members)
    return _to_table(engine, rounds, depths, effort)


def _views(list_sid: str, contact_sid: str, number: str, members: int) -> Mapping[str, str]:
    """What is opened, by name."""
    found, last = f"/console/lists/{list_sid}", -(-members // ROWS)
    return {
        "start page": "/console",
        "lists": "/console/lists",
        "lists, largest first": "/console/lists?sort=-contact_count",
        "a list, first page": found,
        "a list, page in the middle": f"{found}?page={last // 2}",
        "a list, last page": f"{found}?page={last}",
        "a list, those with a tag": f"{found}?tag=batch-7",
        "a list, one number": f"{found}?{urlencode({'number': number})}",
        "a list, a name that one in ten has": f"{found}?name={LAST_NAMES[3]}".lower(),
        "a list, a name that one in ten has, page 20": f"{found}?name={LAST_NAMES[3]}&page=20".lower(),
        "a list, a full name": f"{found}?{urlencode({'name': f'{FIRST_NAMES[3]} {LAST_NAMES[3]}'})}",
        "a list, a name that nobody has": f"{found}?name=zzyzx",
        "contacts": "/console/contacts",
        "contacts, page in the middle": f"/console/contacts?page={last // 2}",
        "contacts, last page": f"/console/contacts?page={last}",
        "contacts, a name that one in ten has": f"/console/contacts?search={LAST_NAMES[3]}".lower(),
        "contacts, a full name": f"/console/contacts?{urlencode({'search': f'{FIRST_NAMES[3]} {LAST_NAMES[3]}'})}",
        "contacts, a name that nobody has": "/console/contacts?search=zzyzx",
        "a contact": f"/console/contacts/{contact_sid}",
        "uploads": "/console/uploads",
        "a new upload": "/console/uploads/new",
    }


def _turns(
    connection: HTTPConnection, headers: Mapping[str, str], views: Mapping[str, str]
) -> Mapping[str, Sequence[float]]:
    """Milliseconds that each view took, each time."""
    taken: dict[str, list[float]] = {name: [] for name in views}
    for _ in range(TURNS):
        for name, path in views.items():
            taken[name].append(_open(connection, headers, path))
    return taken


def _depths(
    connection: HTTPConnection, headers: Mapping[str, str], list_sid: str, members: int
) -> Sequence[tuple[float, float]]:
    """Positions in the list, each with the milliseconds that the page at it took, the median of some."""
    positions = [1 + (members - 1) * point // POINTS for point in range(POINTS + 1)]
    return [
        (
            position,
            median(_open(connection, headers, f"/console/lists/{list_sid}?position={position}") for _ in range(TURNS)),
        )
        for position in positions
    ]


def _open(connection: HTTPConnection, headers: Mapping[str, str], path: str) -> float:
    started = time.perf_counter()
    ask(connection, "GET", path, headers)
    return (time.perf_counter() - started) * 1000


def _sign_in(server: Server, book: Book) -> str:
    """The cookie of a session."""
    key, _, token = base64.b64decode(book.headers["Authorization"].partition(" ")[2]).decode().partition(":")
    with connect(server) as connection:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/console/sign-in", urlencode({"key": key, "token": token}), form)
        answer = connection.getresponse()
        answer.read()
    if answer.status != 303:
        raise Failure(f"signing in to the console was answered {answer.status}.")
    return (answer.getheader("Set-Cookie") or "").partition(";")[0]


def _last_contact(connection: HTTPConnection, book: Book, list_sid: str, members: int) -> tuple[str, str]:
    """The sid and the number of who joined last."""
    path = f"{book.path}/lists/{list_sid}/contacts?offset={members - 1}&limit=1"
    found = msgspec.json.decode(ask(connection, "GET", path, book.headers))["response"][0]["data"]
    return found["sid"], found["number"]


def _to_table(
    engine: str,
    rounds: Sequence[Mapping[str, Sequence[float]]],
    depths: Sequence[tuple[float, float]],
    effort: Effort,
) -> Table:
    all_turns = {name: [taken for turns in rounds for taken in turns[name]] for name in rounds[0]}
    slowest = max(all_turns, key=lambda name: _p95(all_turns[name]))
    worst = _p95(all_turns[slowest])
    ends = [median(turns["a list, last page"]) / median(turns["a list, first page"]) for turns in rounds]
    return Table(
        f"Pages of the console, on {engine}",
        f"Every view on a list of {effort.members:,} contacts, {ROWS} rows on a page, opened {TURNS} times in each of"
        f" {effort.rounds} rounds, in turns, on one connection. Milliseconds. The figure has pages of the list by where"
        " they are in it.",
        ["view", "p50", "p95"],
        [[name, f"{median(taken):.1f}", f"{_p95(taken):.1f}"] for name, taken in all_turns.items()],
        f"- The slowest view at p95, {slowest}: **{worst:.1f} ms**; bound: at most {BOUND:.0f},"
        f" {'held' if worst <= BOUND else 'missed'}.\n"
        f"- {ratio('the last page / the first page of the list', ends, at_most=DEPTH_BOUND)}",
        draw([Line("a page of the list", depths)], "position in the list", "milliseconds"),
    )


def _p95(taken: Sequence[float]) -> float:
    return quantiles(taken, n=20)[-1]

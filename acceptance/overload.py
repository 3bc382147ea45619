"""Four times as many callers as saturate the server: it goes on serving, and says no to the others at once."""

import subprocess
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import repeat
from statistics import quantiles
from typing import TypeAlias, TypeVar

from acceptance.crowd import Answer, Course, crowd, p99, to_request
from acceptance.servers import new_databases, serving
from acceptance.trial import ROOT, Figure, Trial
from bench.data import Book, bare_contacts, fill_list, make_book, to_body
from tests.processes import Running

Requests: TypeAlias = Callable[[Book, str], Iterator[bytes]]
K = TypeVar("K", bound=Hashable)

BEST, KNEE, OVERLOAD = "best", "knee", "overload"

CALLERS = (1, 2, 4, 8, 16, 32, 64, 128)
SATURATED = 0.9  # of the most that was ever answered: the fewest callers who reach it are at the knee
TIMES = 4
PLACES = 2  # times the callers at the knee: what docs/operate.md advises, since all are of one account
MEMBERS = 1000
WARM_UP = 2.0  # seconds
PASSES = 4

GOODPUT = 0.8  # of the most
LATENCY = 2.0  # times that at the knee
REFUSAL_MS = 10
PROBE_MS = 100


def pages(book: Book, list_sid: str) -> Iterator[bytes]:
    """Requests for a page of 20 contacts."""
    return repeat(page_request(book, list_sid))


def page_request(book: Book, list_sid: str, **headers: str) -> bytes:
    """A request for a page of 20 contacts."""
    return to_request("GET", f"{book.path}/lists/{list_sid}/contacts?limit=20", {**book.headers, **headers})


def creations(book: Book, _: str) -> Iterator[bytes]:
    """Requests that each create a contact."""
    headers = {**book.headers, "Content-Type": "application/json"}
    for draft in bare_contacts(MEMBERS):
        yield to_request("POST", f"{book.path}/contacts", headers, to_body([draft]))


def overload(requests_of: Requests) -> Callable[[Trial], Sequence[Figure]]:
    """A check with these requests; a round is a second with too many callers.

    Where the knee is depends on the machine, so it is looked for first, and a server is then set up for it. What a
    machine can do drifts by a third within seconds, so whatever is compared takes turns.
    """

    def measure(trial: Trial) -> Sequence[Figure]:
        with new_databases(trial) as databases:
            database = next(databases)
            book = make_book(database)
            requests = requests_of(book, fill_list(database, MEMBERS))
            with serving(trial, database) as server:
                crowd(server.port, requests, callers=TIMES, seconds=WARM_UP)
                asking = {n: partial(crowd, server.port, requests, callers=n) for n in CALLERS}
                found = _in_turns(asking, trial.rounds / 4)
                knee, best = _knee(found), _best(found)
                with serving(trial, database, max_requests=PLACES * knee) as narrow, probing(narrow) as probes:
                    crowd(narrow.port, requests, callers=TIMES, seconds=WARM_UP)
                    too_many = partial(crowd, narrow.port, requests, callers=TIMES * knee, patience=trial.chance(0))
                    courses = _in_turns({BEST: asking[best], KNEE: asking[knee], OVERLOAD: too_many}, trial.rounds)
        return [Figure("callers at the knee", knee), *_figures(courses, probes)]

    return measure


@contextmanager
def probing(server: Running) -> Iterator[list[float]]:
    """Ask `/healthz` all the time while the block runs; then the seconds that each answer took.

    It is asked from another process, which does not wait for the one that is all the callers.
    """
    probes: list[float] = []
    command = [sys.executable, "-m", "acceptance.probe", server.url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # our own
        try:
            yield probes
        finally:
            process.terminate()
        said, _ = process.communicate()
    probes += map(float, said.splitlines())


def is_whole_refusal(answer: Answer) -> bool:
    """Whether it says when to come again, in the envelope."""
    return b"\r\nretry-after: " in answer.head.lower() and answer.body.startswith(b'{"request_id":')


def _in_turns(loads: Mapping[K, Callable[..., Course]], seconds: float) -> Mapping[K, Course]:
    """So many seconds of each load, in passes."""
    courses = {name: Course([], 0) for name in loads}
    for _ in range(PASSES):
        for name, load in loads.items():
            part = load(seconds=seconds / PASSES)
            courses[name].answers += part.answers
            courses[name].seconds += part.seconds
            courses[name].broken += part.broken
    return courses


def _best(courses: Mapping[int, Course]) -> int:
    """The number of callers who were answered most."""
    return max(courses, key=lambda callers: courses[callers].rate(200))


def _knee(courses: Mapping[int, Course]) -> int:
    """The least number of callers who were answered nearly as much."""
    most = courses[_best(courses)].rate(200)
    return next(callers for callers, course in courses.items() if course.rate(200) >= SATURATED * most)


def _figures(courses: Mapping[str, Course], probes: Sequence[float]) -> Sequence[Figure]:
    knee, over = courses[KNEE], courses[OVERLOAD]
    most = max(courses[BEST].rate(200), knee.rate(200))
    admitted, refused = over.with_status(200), over.with_status(429, 503)
    others = len(over.answers) - len(admitted) - len(refused) + over.broken
    return [
        Figure("p99 there", p99(knee.answers) * 1000, " ms"),
        Figure("most answers", most, " a second"),
        Figure(f"answers with {TIMES} times as many callers, of the most", over.rate(200) / most, at_least=GOODPUT),
        Figure("p99 of these, to that at the knee", p99(admitted) / p99(knee.answers), at_most=LATENCY),
        Figure("refused", len(refused)),
        Figure("refusals that say too little", sum(not is_whole_refusal(each) for each in refused), at_most=0),
        *([Figure("p99 of refusals", p99(refused) * 1000, " ms", at_most=REFUSAL_MS)] if len(refused) > 1 else []),
        Figure("other answers, or none", others, at_most=0),
        Figure("p99 of /healthz", quantiles(probes, n=100)[-1] * 1000, " ms", at_most=PROBE_MS),
    ]

"""Far more requests than an account may make: no minute holds more than are allowed, nor many fewer."""

import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import repeat

from acceptance.crowd import Answer, crowd
from acceptance.overload import MEMBERS, is_whole_refusal, page_request
from acceptance.servers import new_databases, serving
from acceptance.trial import Figure, Trial
from bench.data import fill_list, make_book

LIMIT = 3000  # requests a minute
CALLERS = 4
WORKERS = (1, 2, 4)
MINUTE = 60.0
SECOND = 1.0  # in which a place that has become free is taken again
TOLERANCE = 0.05


def measure(trial: Trial) -> Sequence[Figure]:
    """With one worker, then with more; a round is a second."""
    with new_databases(trial) as databases:
        database = next(databases)
        book = make_book(database)
        # Each on a connection of its own, so that they come to all workers.
        requests = repeat(page_request(book, fill_list(database, MEMBERS), Connection="close"))
        return [figure for workers in WORKERS for figure in _measure(trial, database, requests, workers)]


def _measure(trial: Trial, database: str, requests: Iterator[bytes], workers: int) -> Sequence[Figure]:
    with serving(trial, database, workers=workers, rate_limit=LIMIT) as server:
        while server.errors.count("Application startup complete") < workers:
            time.sleep(0.05)
        course = crowd(server.port, requests, callers=CALLERS * workers, seconds=trial.rounds)
    admitted, refused = course.with_status(200), course.with_status(429)
    silent = sum(not is_whole_refusal(each) or b"x-ratelimit-reset: " not in each.head.lower() for each in refused)
    return [
        Figure(f"requests to {workers} workers", len(course.answers), at_least=5 * LIMIT * trial.rounds / MINUTE),
        Figure("most admitted in a minute", max(_within(MINUTE, admitted)), at_most=LIMIT * (1 + TOLERANCE)),
        Figure("fewest in 61 s", min(_within(MINUTE + SECOND, admitted)), at_least=LIMIT * (1 - TOLERANCE)),
        Figure("refusals that say too little", silent, at_most=0),
        Figure("other answers, or none", len(course.answers) - len(admitted) - len(refused) + course.broken, at_most=0),
    ]


def _within(seconds: float, admitted: Sequence[Answer]) -> Sequence[int]:
    """How many were admitted in so many seconds from each of them on, as long as these end before the last."""
    times = sorted(answer.at for answer in admitted)
    return [
        bisect_left(times, began + seconds) - first for first, began in enumerate(times) if began + seconds <= times[-1]
    ] or [len(times)]

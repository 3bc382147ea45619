"""`kill -9` while callers write: what was acknowledged is there, the rest as a whole or not at all."""

import time
from collections.abc import Sequence
from statistics import median

from acceptance.servers import complaints, new_databases, serving, wait_until_ready
from acceptance.trial import Figure, Trial
from acceptance.writers import Toll, found_of, unfinished_uploads, writing
from bench.data import make_book

UPLOAD_SECONDS = 30.0  # until all that was uploaded is worked off
READY_SECONDS = 2.0


def measure(trial: Trial) -> Sequence[Figure]:
    """Kill a server, and start it anew, on a new book each time."""
    toll, problems, unfinished, ready = Toll(), 0, 0, []
    with new_databases(trial) as databases:
        for round_ in range(trial.rounds):
            database = next(databases)
            book = make_book(database)
            with serving(trial, database) as server, writing(server, book, trial.chance(round_)) as writers:
                server.kill()
            found = found_of(database, writers)
            for writer in writers:
                toll.add(writer, found[writer.name])
            began = time.monotonic()
            with serving(trial, database) as server:
                wait_until_ready(server)
                ready.append(time.monotonic() - began)
                unfinished += unfinished_uploads(server, book, writers, seconds=UPLOAD_SECONDS)
            problems += len(complaints(database))
    started = Figure("ready after (median)", median(ready), " s", at_most=READY_SECONDS)
    return [*figures_of(toll, unfinished, problems), started]


def figures_of(toll: Toll, unfinished: int, problems: int) -> Sequence[Figure]:
    """What every check with a crash in it promises."""
    return [
        Figure("acknowledged changes", toll.acknowledged, at_least=1),
        Figure("lost items", toll.lost, at_most=0),
        Figure("changes made in part", toll.torn, at_most=0),
        Figure("changes unanswered", toll.unanswered),
        Figure("uploads not worked off", unfinished, at_most=0),
        Figure("complaints of doctor", problems, at_most=0),
    ]

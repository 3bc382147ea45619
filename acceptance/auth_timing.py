"""Times three kinds of credentials in turns; prints the median of each in microseconds, as JSON."""

import base64
import sys
import time
from contextlib import closing
from statistics import median

import msgspec

from dialbook.server.auth import present, verify
from dialbook.store.engines import sqlite_path
from dialbook.store.sqlite import SqliteTx, connect

EACH = 1000  # a round


def main(database: str, ours: str, others: str, rounds: str) -> None:
    (key, token), (unknown, wrong) = _credentials(ours), _credentials(others)
    kinds = [(key, token), (key, wrong), (unknown, wrong)]
    with closing(connect(sqlite_path(database), read_only=True)) as connection:
        times = _time(SqliteTx(connection), kinds, EACH * int(rounds))
    sys.stdout.buffer.write(msgspec.json.encode([median(each) for each in times]))


def _time(tx: SqliteTx, kinds: list[tuple[str, str]], turns: int) -> list[list[float]]:
    times: list[list[float]] = [[] for _ in kinds]
    for _ in range(turns):
        for (key, token), taken in zip(kinds, times, strict=True):
            began = time.perf_counter_ns()
            if presented := present(key, token, ""):
                verify(tx, presented)
            taken.append((time.perf_counter_ns() - began) / 1000)
    return times


def _credentials(header: str) -> tuple[str, str]:
    key, _, token = base64.b64decode(header.partition(" ")[2]).decode().partition(":")
    return key, token


main(*sys.argv[1:])

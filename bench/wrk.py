"""Load by wrk: 16 connections that each ask again as soon as they are answered.

Of the answers wrk counts those of 400 and more, and of the connections those that fail: one of either, and there is no
result. That an answer is 200, and says what it should, callers look at themselves. Where an answer came later than
others, wrk adds to the latencies those that requests would have had that were meanwhile not made.
"""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import msgspec
from msgspec import Struct

from bench.failure import Failure
from bench.servers import Server, cpu_seconds

CONNECTIONS = 16
TIMEOUT = 10  # seconds after which an answer counts as an error
SCRIPTS = Path(__file__).parent


class Summary(Struct, frozen=True):
    """What `done.lua` prints. Times in microseconds."""

    requests: int
    microseconds: int
    p50: float
    p99: float
    errors: dict[str, int]


class Turn(Struct, frozen=True):
    """How one server did under load."""

    requests: int
    rate: float  # requests a second
    p50: float  # microseconds
    p99: float  # microseconds
    cpu: float  # microseconds of the server's processor time a request
    busy: float  # how much of the time the server kept a core busy; 1.0 is one core, all the time


def load(server: Server, script: str, path: str, headers: Mapping[str, str], *, seconds: int, used: int = 0) -> Turn:
    """Keep the server busy for so many seconds. `used` is for `create.lua`.

    Raises:
        Failure: an answer was no success, or a connection broke.
    """
    before = cpu_seconds(server)
    summary = _run(_command(script, server.url + path, headers, seconds, used), seconds)
    cpu = (cpu_seconds(server) - before) * 1e6
    if any(summary.errors.values()) or not summary.requests:
        errors = ", ".join(f"{count} {kind}" for kind, count in summary.errors.items() if count)
        raise Failure(f"{server.name}, {path}: {errors or 'no answer'}, of {summary.requests} answers.")
    return Turn(
        summary.requests,
        summary.requests / summary.microseconds * 1e6,
        summary.p50,
        summary.p99,
        cpu / summary.requests,
        cpu / summary.microseconds,
    )


def to_cells(turns: Sequence[Turn]) -> list[str]:
    """The medians of several turns for a table: a second, p50 and p99 in ms, µs of processor a request, busy share."""
    return [
        f"{median(turn.rate for turn in turns):,.0f}",
        f"{median(turn.p50 for turn in turns) / 1000:.2f}",
        f"{median(turn.p99 for turn in turns) / 1000:.2f}",
        f"{median(turn.cpu for turn in turns):.0f}",
        f"{median(turn.busy for turn in turns):.0%}",
    ]


def _command(script: str, url: str, headers: Mapping[str, str], seconds: int, used: int) -> Sequence[str]:
    given = [f"-H{name}: {value}" for name, value in headers.items()]
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", f"--timeout={TIMEOUT}s", "--latency", f"-s{script}"]
    return ["wrk", *options, *given, url, "--", str(used)]


def _run(command: Sequence[str], seconds: int) -> Summary:
    done = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, timeout=seconds + 30, check=False)
    try:
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=Summary)
    except (IndexError, msgspec.DecodeError):
        raise Failure(f"wrk said nothing of use: {done.stderr.strip() or done.stdout.strip()}") from None

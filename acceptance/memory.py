"""In 256 MiB: uploads of 60 MB at the same time, a whole list, and bulks; the kernel would kill who takes more."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from acceptance.servers import client_of, ended_upload, new_databases, serving, upload_file
from acceptance.trial import Figure, Trial
from bench.data import Book, bare_contacts, fill_list, make_book, to_body
from bench.failure import Failure
from tests.processes import HANG_SECONDS, Running, children, is_alive, peak_memory

GROUPS = Path("/sys/fs/cgroup/memory")  # of version 1
LIMIT = 256 * 2**20  # bytes, of all processes of the server together
UPLOADS = 4
BULK = 5000
MEMBERS = 500_000
TEXT = "x" * 140
PATIENCE = 600.0  # seconds until an upload is worked off
JOIN = 'echo $$ > "$0" && exec "$@"'  # by a shell, which then becomes the server


def measure(trial: Trial) -> Sequence[Figure]:
    """A round is a bulk of 5,000 contacts, beside all else."""
    with _group(f"dialbook-{os.getpid()}") as group, new_databases(trial) as databases:
        database = next(databases)
        book = make_book(database)
        list_sid = fill_list(database, MEMBERS)
        by = ["sh", "-c", JOIN, str(group / "cgroup.procs")]
        with serving(trial, database, by=by) as server:
            while not (others := children(server.process.pid)):
                pass
            statuses = _ask_for_the_most(server, book, list_sid, trial.rounds)
            is_same = server.process.poll() is None and set(others) <= set(children(server.process.pid))
            left = filter(is_alive, [server.process.pid, *children(server.process.pid)])
            largest = max(map(peak_memory, left), default=0)
        refused = int((group / "memory.failcnt").read_text())
    return [
        Figure("requests", len(statuses), at_least=1),
        Figure("of which failed", sum(status != 200 for status in statuses), at_most=0),
        Figure("processes killed", not is_same, at_most=0),
        Figure("most resident in one", largest / 2**20, " MiB", at_most=LIMIT / 2**20),
        Figure("times the limit was reached", refused),
    ]


def _ask_for_the_most(server: Running, book: Book, list_sid: str, bulks: int) -> Sequence[int]:
    """The statuses of all answers; 0 where there was none, or not all of it."""
    drafts = bare_contacts(MEMBERS)
    file = _large_file()
    bodies = [to_body(list(islice(drafts, BULK))) for _ in range(bulks)]
    with client_of(server, book) as http, ThreadPoolExecutor(UPLOADS + 2) as pool:

        def upload(n: int) -> int:
            sid = upload_file(http, f"Large {n}", file)
            return 200 if ended_upload(http, sid, seconds=PATIENCE).get("status") == "completed" else 0

        def export() -> int:
            headers = {"Accept": "text/csv"}
            with http.stream("GET", f"/lists/{list_sid}/contacts", headers=headers) as answer:
                lines = sum(part.count(b"\n") for part in answer.iter_bytes())
            return answer.status_code if lines > MEMBERS else 0

        def create(body: bytes) -> int:
            headers = {"Content-Type": "application/json"}
            return http.post("/contacts", content=body, headers=headers).status_code

        calls: list[Callable[[], int]] = [export, *(lambda n=n: upload(n) for n in range(UPLOADS))]
        futures = [*(pool.submit(call) for call in calls), *(pool.submit(create, body) for body in bodies)]
        return [future.result() if future.exception() is None else 0 for future in futures]


def _large_file() -> bytes:
    """60 MB of rows, as many as a static list may hold."""
    texts = ",".join([TEXT] * 4)
    rows = (f"{9_700_000_000 + n},{texts}" for n in range(100_000))
    return "\n".join(["number,first_name,last_name,company_name,email", *rows]).encode()


@contextmanager
def _group(name: str) -> Iterator[Path]:
    """A control group whose processes together have so much memory."""
    group = GROUPS / name
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(LIMIT))
    except OSError as refused:
        raise Failure(f"No control group for memory here, of version 1: {refused}.") from None
    try:
        yield group
    finally:
        _remove(group)


def _remove(group: Path) -> None:
    """Remove it once the last of its processes is gone."""
    ends = time.monotonic() + HANG_SECONDS
    while time.monotonic() < ends:
        with suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.05)
    raise Failure(f"{group} is still in use.")

"""A disk that is full, and one that fails now and then: nothing acknowledged is lost, and the server goes on."""

import time
from collections.abc import Mapping, Sequence

import httpx2
import jsonschema_rs
from msgspec.structs import replace

from acceptance.bulks import Bulks
from acceptance.servers import client_of, complaints, serving
from acceptance.trial import Figure, Trial
from bench.data import make_book, sqlite_url
from tests.conftest import NUMBERS
from tests.contract import check_answer
from tests.disks import fill_up, mounted
from tests.processes import HANG_SECONDS

DISK = 64 * 2**20  # bytes
BALLAST = 40 * 2**20  # of which so many are given back later
BACK_SECONDS = 5.0
REFUSALS = 20
REQUESTS = 300  # while calls of the system fail

# Of each thread, after its first calls, one in so many.
FAULTS: Mapping[str, str] = {
    "write fails (ENOSPC)": "pwrite64:error=ENOSPC:when=500+1500",
    "sync fails (EIO)": "fdatasync:error=EIO:when=10+20",
}


def fill(trial: Trial) -> Sequence[Figure]:
    """Write until the disk is full, go on asking, then make room."""
    with mounted(trial.folder / "disk", DISK) as folder:
        (folder / "ballast").write_bytes(b"\0" * BALLAST)
        database = sqlite_url(folder / "book.db")
        book = make_book(database)
        with serving(replace(trial, folder=folder), database) as server, client_of(server, book) as http:
            bulks = Bulks(http, iter(NUMBERS))
            while (answer := bulks.create()).status_code == 200:
                pass
            fill_up(folder)
            answers = [answer, *(bulks.create() for _ in range(REFUSALS))]
            reads = [http.get("/contacts").status_code for _ in range(REFUSALS)]
            (folder / "ballast").unlink()
            back = _seconds_until_accepted(bulks)
            figures = [
                Figure("refusals", len(answers)),
                Figure(
                    "other answers than 503 in the envelope", sum(not _is_refusal(each) for each in answers), at_most=0
                ),
                Figure("reads that failed", sum(status != 200 for status in reads), at_most=0),
                Figure("writes again after", back, " s", at_most=BACK_SECONDS),
                Figure("server ended", server.process.poll() is not None, at_most=0),
            ]
        return [*figures, *_losses(bulks, database)]


def fail(trial: Trial) -> Sequence[Figure]:
    """Write while calls of the system fail, now and then; strace has them fail."""
    return [figure for name, fault in FAULTS.items() for figure in _fail(trial, name, fault)]


def _fail(trial: Trial, name: str, fault: str) -> Sequence[Figure]:
    call = fault.partition(":")[0]
    database, log = sqlite_url(trial.folder / f"{call}.db"), trial.folder / f"{call}.log"
    book = make_book(database)
    options = ["-D", "-f", "--seccomp-bpf", "-qq", "-o", str(log), "-e", f"trace={call}", "-e", f"inject={fault}"]
    with serving(trial, database, by=["strace", *options]) as server, client_of(server, book) as http:
        bulks = Bulks(http, iter(NUMBERS))
        answers = [bulks.create() for _ in range(REQUESTS)]
        unexpected = sum(answer.status_code != 200 and not _is_refusal(answer) for answer in answers)
        is_gone = server.process.poll() is not None
    return [
        Figure(f"{name}: calls that failed", log.read_text().count("(INJECTED)"), at_least=1),
        Figure("refusals", len(bulks.others)),
        Figure("other answers than 503 in the envelope", unexpected, at_most=0),
        Figure("server ended", is_gone, at_most=0),
        *_losses(bulks, database),
    ]


def _losses(bulks: Bulks, database: str) -> Sequence[Figure]:
    return [
        Figure("acknowledged bulks", len(bulks.acknowledged), at_least=1),
        Figure("lost items", bulks.lost(database), at_most=0),
        Figure("bulks made in part", bulks.torn(database), at_most=0),
        Figure("complaints of doctor", len(complaints(database)), at_most=0),
    ]


def _is_refusal(answer: httpx2.Response) -> bool:
    try:
        check_answer(answer)
    except (AssertionError, jsonschema_rs.ValidationError):
        return False
    return answer.status_code == 503 and "retry-after" in answer.headers


def _seconds_until_accepted(bulks: Bulks) -> float:
    began = time.monotonic()
    while bulks.create().status_code != 200:
        if time.monotonic() - began > HANG_SECONDS:
            break
    return time.monotonic() - began

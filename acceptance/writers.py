"""Callers that write until their server is gone, and know what has to be there then.

Each does one thing after the other, so that of all it asked for only the last can be unanswered. What is found after a
crash is either what the caller was told, or that and the whole of what was under way.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count, islice
from random import Random
from typing import Any, TypeAlias

import httpx2
from msgspec import Struct

from acceptance.servers import client_of, data_of, ended_upload, rows
from bench.data import Book
from bench.failure import Failure
from tests.conftest import NUMBERS
from tests.processes import Running

State: TypeAlias = dict[str, int]  # how many contacts have each tag; names of lists, each once

WRITERS = 4
ITEMS = 50  # contacts in a bulk, and rows in a file
LEAST = 4 * WRITERS  # changes that are acknowledged before a crash
MOST = 30 * WRITERS
UPLOADED = "uploaded"  # begins the tag and the list of what comes by a file, whose rows are not there at once


class Gone(Exception):
    """The server does not answer any more, or says that it cannot."""


class Toll(Struct):
    """What crashes have cost. `lost` and `torn` have to be nothing; `unanswered` may be there or not, as a whole."""

    acknowledged: int = 0
    unanswered: int = 0
    lost: int = 0
    torn: int = 0

    def add(self, writer: "Writer", found: State) -> None:
        """Count a writer's, given what is there of it."""
        self.acknowledged += writer.acknowledged
        self.unanswered += writer.told != writer.asked
        self.lost += lost_items(writer.told, writer.asked, found)
        self.torn += is_torn(writer.told, writer.asked, found)


def lost_items(told: State, asked: State, found: State) -> int:
    """How many are not there of those that have to be, whether the last change was made or not."""
    return sum(max(0, min(told[key], asked.get(key, 0)) - found.get(key, 0)) for key in told)


def is_torn(told: State, asked: State, found: State) -> bool:
    """Whether nothing is lost, but the last change was made in part; or something is there that nobody asked for."""
    return not lost_items(told, asked, found) and found not in (told, asked)


class Writer(threading.Thread):
    """Makes, changes and deletes contacts and lists, and uploads files."""

    def __init__(self, name: str, http: httpx2.Client, numbers: Iterator[str]) -> None:
        super().__init__(name=name)
        self.told: State = {}
        self.asked: State = {}
        self.uploads: list[str] = []
        self.acknowledged = 0
        self.problem: str | None = None
        self.hears = True  # once the power is off, no answer leaves a machine: what comes after it counts for nothing
        self._http, self._numbers = http, numbers

    def run(self) -> None:
        try:
            for n in count():
                self._change_everything(f"{self.name}.{n}")
        except (Gone, httpx2.TransportError):
            pass
        except Failure as failure:
            self.problem = str(failure)

    def _change_everything(self, tag: str) -> None:
        new, changed = f"{tag}.new", f"{tag}.changed"
        made = data_of(self._ask("POST", "/contacts", self.told | {new: ITEMS}, json=self._drafts(new)))
        updates = [{"sid": contact["sid"], "tag": changed} for contact in made]
        others = {key: size for key, size in self.told.items() if key != new}
        self._ask("PUT", "/contacts", others | {changed: ITEMS}, json={"contacts": updates})
        before = self.told
        (kept,) = data_of(self._ask("POST", "/lists", before | {tag: 1}, json={"lists": [{"name": tag}]}))
        references = [{"contact_sid": contact["sid"]} for contact in made]
        self._ask("POST", f"/lists/{kept['sid']}/contacts", self.told, json={"contact_references": references})
        self._ask("DELETE", f"/lists/{kept['sid']}", before)
        self._upload(f"{UPLOADED}.{tag}")

    def _drafts(self, tag: str) -> Mapping[str, Any]:
        return {"contacts": [{"number": number, "tag": tag} for number in islice(self._numbers, ITEMS)]}

    def _upload(self, name: str) -> None:
        lines = ["number,tag", *(f"{number},{name}" for number in islice(self._numbers, ITEMS))]
        files = {"file_name": ("rows.csv", "\n".join(lines).encode(), "text/csv")}
        answer = self._ask("POST", "/contacts/csv-upload", self.told, data={"list_name": name}, files=files)
        self.uploads.append(answer.json()["response"]["data"]["summary"]["upload_id"])

    def _ask(self, method: str, path: str, then: State, **options: Any) -> httpx2.Response:
        """Ask for something, after which `then` is there."""
        self.asked = then
        answer = self._http.request(method, path, **options)
        if answer.status_code >= 500 or not self.hears:
            raise Gone
        if answer.status_code not in (200, 202):
            raise Failure(f"{method} {path} was answered {answer.status_code}: {answer.text[:300]}")
        self.told = then
        self.acknowledged += 1
        return answer


@contextmanager
def writing(server: Running, book: Book, chance: Random) -> Iterator[Sequence[Writer]]:
    """Several writers; the block runs once some of what they asked for is acknowledged, and has to end the server.

    Raises:
        Failure: a writer was refused what it may do, or got nothing done.
    """
    with client_of(server, book) as http:
        writers = [Writer(f"writer{n}", http, iter(NUMBERS[n::WRITERS])) for n in range(WRITERS)]
        enough = chance.randint(LEAST, MOST)
        for writer in writers:
            writer.start()
        while sum(writer.acknowledged for writer in writers) < enough and any(map(threading.Thread.is_alive, writers)):
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.02))
        yield writers
        for writer in writers:
            writer.join()
    if problems := [writer.problem for writer in writers if writer.problem]:
        raise Failure("; ".join(problems))


def found_of(database: str, writers: Sequence[Writer]) -> Mapping[str, State]:
    """What is there of each writer."""
    tags = rows(database, "SELECT tag, count(*) FROM contacts GROUP BY tag")
    names = rows(database, "SELECT name, 1 FROM lists")
    found: dict[str, dict[str, int]] = {writer.name: {} for writer in writers}
    for key, size in [*tags, *names]:
        if not key.startswith(UPLOADED):
            found[key.partition(".")[0]][key] = size
    return found


def unfinished_uploads(server: Running, book: Book, writers: Sequence[Writer], *, seconds: float) -> int:
    """Wait for the uploads that were accepted; return how many have not ended as they should."""
    expected = {"duplicate": 0, "total": ITEMS, "success": ITEMS, "failed": 0}
    latest = time.monotonic() + seconds
    uploads = [upload for writer in writers for upload in writer.uploads]
    with client_of(server, book) as http:
        ends = [ended_upload(http, upload, seconds=latest - time.monotonic()) for upload in uploads]
    return sum((end.get("status"), end.get("stats")) != ("completed", expected) for end in ends)

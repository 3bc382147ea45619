"""A pull or a push that is killed again and again ends as if it had not been."""

import random
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from dialbook.mirror.pull_contacts import CHUNK
from tests.conftest import NUMBERS, execute, run_cli
from tests.mirror.conftest import Mirror, opened
from tests.mirror.test_pull import rows
from tests.processes import HANG_SECONDS, PROGRAM, environment

pytestmark = pytest.mark.parametrize("there", [20], indirect=True, ids=["short pages"])

CONTACTS = 3000
KILLS = 8
OLD = "2026-01-05T09:00:00Z"


@pytest.fixture
def filled(mirror: Mirror) -> Mirror:
    return fill_lists(mirror, CONTACTS)


@pytest.fixture
def smaller(mirror: Mirror) -> Mirror:
    return fill_lists(mirror, CHUNK + 100)


def fill_lists(mirror: Mirror, count: int) -> Mirror:
    """An account with many contacts, all of them in one list, in another order, and some in a second."""
    made = mirror.client.create_contacts({"number": number, "tag": number[-2:]} for number in NUMBERS[:count])
    sids = [contact.sid for contact in made.raise_for_failures()]
    large, small = mirror.client.create_lists([{"name": "Large"}, {"name": "Small"}]).raise_for_failures()
    random.Random(1).shuffle(sids)
    mirror.client.add_members(large.sid, sids)
    mirror.client.add_members(small.sid, sids[:50])
    return mirror


def long_ago(mirror: Mirror) -> None:
    """All was changed long ago, but for one contact: who was changed last is read again in any case."""
    execute(
        mirror.there, "UPDATE contacts SET updated = :old WHERE account = :account", old=OLD, account=mirror.account
    )
    *_, last = mirror.client.iter_contacts()
    mirror.client.update_contact(last.sid, tag="last")


def run_until(mirror: Mirror, is_enough: Callable[[], bool], *arguments: str) -> int:
    """Run a command in a process of its own; kill it as soon as it has done enough. Return how it ended."""
    command = [str(PROGRAM), *arguments, "--yes", "--json", "--database", mirror.here]
    with subprocess.Popen(command, env=environment(mirror.home), stdout=subprocess.DEVNULL) as process:
        while not is_enough() and not has_ended(process):
            pass
        process.send_signal(signal.SIGKILL)
        return process.wait(HANG_SECONDS)


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it ends within a moment, in which the server, a thread of this process, gets on."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(0.005)
    return process.returncode is not None


def noted(mirror: Mirror) -> int:
    """How much runs have noted that did not come to their end."""
    return len(journal(mirror))


def journal(mirror: Mirror) -> bytes:
    return b"".join(path.read_bytes() for path in Path(mirror.home["XDG_STATE_HOME"]).glob("dialbook/*/*.ndjson"))


def actions(mirror: Mirror) -> list[tuple[str, str]]:
    """What was done in the book, and by which run."""
    log = run_cli("audit", "query", mirror.account, "--all", "--database", mirror.here)
    return [(entry["action"], entry["request"]) for entry in log]


def test_a_pull_that_is_killed_again_and_again_ends_as_if_it_was_not(filled: Mirror) -> None:
    ends = []
    for _ in range(KILLS):
        before = noted(filled)
        ends.append(run_until(filled, lambda: noted(filled) > before, "pull", "--from", filled.url))  # noqa: B023

    report = filled.pull("--yes")

    assert ends[0] == -signal.SIGKILL
    assert rows(report)["contacts"] == (CONTACTS, CONTACTS)
    assert len({run for action, run in actions(filled) if action == "put_contacts"}) == 1  # it went on
    filled.check()
    assert not any(filled.pull()["changes"].values())


def test_a_contact_that_is_edited_in_the_book_after_a_kill_is_put_right(smaller: Mirror) -> None:
    long_ago(smaller)
    killed = run_until(smaller, lambda: b"Met" in journal(smaller), "pull", "--from", smaller.url)
    with opened(smaller.here, smaller.account) as book:
        book.update_contact(next(book.iter_contacts(sort_by="date_created")).sid, first_name="Edited")

    smaller.pull()

    assert killed == -signal.SIGKILL
    smaller.check()


def test_a_change_that_is_undone_on_the_server_after_a_kill_is_undone_in_the_book(smaller: Mirror) -> None:
    long_ago(smaller)
    changed = [*smaller.client.iter_contacts()][CHUNK - 100]

    def is_met() -> bool:
        if b"Began" in journal(smaller) and not smaller.client.get_contact(changed.sid).first_name:
            smaller.client.update_contact(changed.sid, first_name="After")
        return b"Met" in journal(smaller)

    killed = run_until(smaller, is_met, "pull", "--from", smaller.url)
    smaller.client.update_contact(changed.sid, first_name=None)
    execute(
        smaller.there,
        "UPDATE contacts SET updated = :old WHERE account = :account AND sid = :sid",
        old=OLD,
        account=smaller.account,
        sid=changed.sid,
    )

    smaller.pull()

    assert killed == -signal.SIGKILL
    smaller.check()


def test_a_list_that_is_edited_in_the_book_after_a_kill_is_put_right(smaller: Mirror) -> None:
    execute(smaller.there, "UPDATE lists SET updated = :old WHERE account = :account", old=OLD, account=smaller.account)
    smaller.pull()
    killed = run_until(smaller, lambda: noted(smaller) > 0, "pull", "--from", smaller.url)
    with opened(smaller.here, smaller.account) as book:
        *_, small = sorted(book.iter_lists(), key=lambda each: str(each.name))
        book.remove_member(small.sid, next(book.iter_members(small.sid)).sid)
        *_, last = book.iter_contacts(sort_by="date_created")
        book.add_members(small.sid, [last.sid]).raise_for_failures()

    smaller.pull()

    assert killed == -signal.SIGKILL
    smaller.check()


def test_what_is_edited_in_the_book_during_a_pull_is_told_and_put_right_by_the_next(smaller: Mirror) -> None:
    edits: list[str] = []

    def edit() -> bool:
        if not edits and b"Met" in journal(smaller):
            with opened(smaller.here, smaller.account) as book:
                edits.append(book.update_contact(next(book.iter_contacts()).sid, first_name="Edited").sid)
        return False

    status = run_until(smaller, edit, "pull", "--from", smaller.url)

    assert (len(edits), status) == (1, 1)
    smaller.pull()
    smaller.check()
    assert not any(smaller.pull()["changes"].values())


def test_a_book_that_is_half_there_is_not_pushed(smaller: Mirror) -> None:
    killed = run_until(smaller, lambda: b"Met" in journal(smaller), "pull", "--from", smaller.url)

    refused = smaller.run("push", "--to", smaller.url, "--yes")

    assert (killed, refused.exit_code) == (-signal.SIGKILL, 1)
    assert "A pull into this book has not come to its end" in refused.stderr
    assert smaller.client.list_contacts(limit=1).total == CHUNK + 100
    smaller.pull()
    smaller.push("--yes")
    smaller.check()


@pytest.mark.sqlite
def test_nor_is_one_that_a_full_pull_has_not_begun_to_read_anew(smaller: Mirror) -> None:
    run_until(smaller, lambda: b"Met" in journal(smaller), "pull", "--from", smaller.url)
    unreadable = "UPDATE audit_chains SET hash = CAST(x'ff' AS TEXT) WHERE account = :account"
    execute(smaller.here, unreadable, account=smaller.account)
    broken_off = run_until(smaller, lambda: False, "pull", "--from", smaller.url, "--full")

    refused = smaller.run("push", "--to", smaller.url, "--yes")

    assert (broken_off, refused.exit_code) == (1, 1)
    assert "A pull into this book has not come to its end" in refused.stderr


def test_a_push_that_is_killed_again_and_again_ends_as_if_it_was_not(filled: Mirror) -> None:
    filled.pull("--yes")
    for found in filled.client.list_lists():
        filled.client.delete_list(found.sid)
    for contact in filled.client.iter_contacts(limit=30):
        filled.client.delete_contact(contact.sid)

    def held() -> int:
        lists = filled.client.list_lists()
        return (filled.client.list_contacts(limit=1).total or 0) + sum(each.contact_count or 0 for each in lists)

    for _ in range(3):
        before = held()
        run_until(filled, lambda: held() > before, "push", "--to", filled.url)  # noqa: B023

    report = filled.push("--yes")

    assert rows(report)["contacts"] == (CONTACTS, CONTACTS)
    filled.check()


def test_a_pull_beside_changes_is_put_right_by_the_next(filled: Mirror) -> None:
    def change() -> bool:
        """Whoever stands first leaves the list, and the account; somebody new comes; another one changes."""
        first, second, *_ = filled.client.list_contacts(limit=2)
        filled.client.delete_contact(first.sid)
        filled.client.create_contacts([{"number": next(numbers)}])
        filled.client.update_contact(second.sid, first_name="Changed")
        return False

    numbers = iter(NUMBERS[CONTACTS:])
    assert run_until(filled, change, "pull", "--from", filled.url) in {0, 1}

    filled.pull("--yes")

    filled.check()
